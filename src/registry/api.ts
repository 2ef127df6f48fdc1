/** Requests to one repository of a registry, with credentials for this registry only. */
import { RegistryAuthError } from "../errors.ts";
import type { HttpRequest, RequestBody } from "../http/client.ts";
import type { HttpResponse } from "../http/response.ts";
import type { RetryPolicy } from "../http/retry.ts";
import type { RegistryLocation } from "../model/location.ts";
import { apiBase } from "./api-base.ts";
import { type AuthDeps, Authenticator } from "./auth.ts";
import { redirectError, responseError } from "./response-error.ts";
import type { Action } from "./scope.ts";

export interface ApiDeps extends AuthDeps {
  /** Uses `http:` instead of `https:`. */
  readonly isPlainHttp: boolean;
}

export type Call = Pick<HttpRequest, "method" | "url" | "signal"> & {
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: RequestBody;
  readonly bufferBytes?: number;
  readonly isRepeatable?: boolean;
  readonly retries?: RetryPolicy;
};

/** A refused request, and the `Authorization` value to send next. */
interface Answered {
  readonly response: HttpResponse;
  readonly answer: string | undefined;
}

export class RegistryApi {
  readonly #location: RegistryLocation;
  readonly #deps: ApiDeps;
  readonly #base: URL;
  readonly #auth: Authenticator;
  readonly #refusedSources = new Set<string>();
  /** True after a request with credentials. */
  #hasAuthorized = false;

  constructor(location: RegistryLocation, deps: ApiDeps) {
    this.#location = location;
    this.#deps = deps;
    this.#base = new URL(`${location.repository}/`, apiBase(location.registry, deps.isPlainHttp));
    const { registry, repository } = location;
    this.#auth = new Authenticator({ registry, origin: this.#base.origin, repository }, deps);
  }

  /** @param path Below the repository, such as `tags/list`. */
  url(path: string): URL {
    return new URL(path, this.#base);
  }

  /** False for a URL of another origin, which the registry may name for an upload. */
  isOwn(url: URL): boolean {
    return url.origin === this.#base.origin;
  }

  /** Sends a request; answers a 401 (ECR: 403) and sends it again. Other origins never receive the credentials. */
  async call(call: Call, action: Action): Promise<HttpResponse> {
    const isOwn = this.isOwn(call.url);
    const used = isOwn ? await this.#auth.header(action, call.signal).catch(() => undefined) : undefined;
    const first = await this.#send(call, used);
    const isChallenge = first.status === 401 || (first.status === 403 && used !== undefined);
    if (!isChallenge || !isOwn) return first;
    const { response, answer } = await this.#answerTo(first, call, action, used);
    if (answer === undefined || answer === used) return response;
    await response.discard();
    const second = await this.#send(call, answer);
    const other = await this.#auth.answerRefusal(second, action, answer, call.signal);
    if (other === undefined) return second;
    await second.discard();
    return await this.#send(call, other);
  }

  /** Says something that a person should know although the work goes on. */
  warn(message: string): void {
    this.#deps.context.log.warn(message);
  }

  /**
   * Requests later mount tokens also for reading another repository of the registry, to mount its blobs.
   *
   * @returns False after a refusal: no further mount is worth a try.
   */
  allowMountFrom(repository: string): boolean {
    if (this.#refusedSources.has(repository)) return false;
    this.#auth.allowMountFrom(repository);
    return true;
  }

  /** Ends the mounts from a repository, after one was refused. */
  disallowMountFrom(repository: string): void {
    this.#refusedSources.add(repository);
    this.#auth.disallowMountFrom(repository);
  }

  /**
   * Waits before a retry that spans several requests.
   *
   * @param answer The last response; undefined without a response.
   */
  async pause(failures: number, answer: HttpResponse | undefined, signal: AbortSignal): Promise<void> {
    await this.#deps.http.pause(failures, answer, signal);
  }

  /** The error for a response. @param what Names the requested thing. */
  async error(response: HttpResponse, what: string): Promise<Error> {
    const { registry, repository } = this.#location;
    const { refusal, shown } = this.#auth;
    const isAccess = response.status === 401 || response.status === 403;
    // Credentials are looked up only for a refusal: a broken helper must not hide another error.
    if (!isAccess) return await responseError(response, { what, registry, credentials: { kind: "none" }, shown });
    // The registry's logins are never sent to another origin, and a login there would not help.
    if (!this.isOwn(response.url)) return await redirectError(response, { what, registry, shown });
    if (refusal !== undefined) {
      await response.discard();
      return refusal;
    }
    const { credentials } = await this.#deps.credentials(registry, repository);
    const isUnsent = credentials.kind !== "none" && !this.#hasAuthorized;
    return await responseError(response, { what, registry, credentials, shown, isUnsent });
  }

  /**
   * Some registries answer an expired token without a challenge, or with a challenge that nobody can meet. The same
   * request without the token then gets the challenge of a first request.
   */
  async #answerTo(response: HttpResponse, call: Call, action: Action, used: string | undefined): Promise<Answered> {
    const isRead = call.method === "GET" || call.method === "HEAD";
    // A host to which the registry redirects says nothing about the token.
    const isOwn = this.isOwn(response.url);
    const isLast = used === undefined || response.status !== 401 || !isRead || !isOwn;
    try {
      const answer = await this.#auth.answer(response, action, used, call.signal);
      if (isLast || answer !== undefined) return { response, answer };
    } catch (error) {
      if (isLast || !(error instanceof RegistryAuthError)) throw error;
    }
    await response.discard();
    const cold = await this.#send(call, undefined);
    const isChallenge = cold.status === 401;
    const answer = isChallenge ? await this.#auth.answer(cold, action, used, call.signal) : undefined;
    return { response: cold, answer };
  }

  async #send(call: Call, authorization: string | undefined): Promise<HttpResponse> {
    this.#hasAuthorized ||= authorization !== undefined;
    const headers = authorization === undefined ? (call.headers ?? {}) : { ...call.headers, authorization };
    const isElsewhere = !this.isOwn(call.url);
    return await this.#deps.http.request({ ...call, headers, isPathSecret: isElsewhere, isHostForeign: isElsewhere });
  }
}
