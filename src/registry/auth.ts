/**
 * Authentication at one registry: no credentials before a challenge of its host, then exactly the requested kind.
 *
 * Invariant: only challenges of the registry's own origin are answered.
 */
import type { Context } from "../context.ts";
import { OrasClientError } from "../errors.ts";
import type { HttpClient } from "../http/client.ts";
import type { HttpResponse } from "../http/response.ts";
import type { CredentialProvider, Credentials, FoundCredentials } from "../model/credentials.ts";
import { basicHeader } from "./basic-header.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import type { KnownChallenges } from "./known-challenges.ts";
import { checkRealm } from "./realm.ts";
import { secretsOf } from "./redact.ts";
import { type Action, scopesFor } from "./scope.ts";
import { LoginRefusedError, TokenService } from "./token.ts";

export interface AuthDeps {
  readonly http: HttpClient;
  readonly credentials: CredentialProvider;
  readonly context: Context;
  /** Undefined: each repository waits for its own challenge. */
  readonly known?: KnownChallenges;
}

/** The receiver of credentials. */
export interface Audience {
  /** Host with its port. */
  readonly registry: string;
  /** Origin of the API; challenges of other origins are not answered. */
  readonly origin: string;
  /** Undefined: only the challenge's own scopes are requested, as for a login. */
  readonly repository: string | undefined;
}

/** The header value that is the login itself. */
function plainHeader(credentials: Credentials): string | undefined {
  if (credentials.kind === "bearer") return `Bearer ${credentials.token}`;
  return credentials.kind === "basic" ? basicHeader(credentials) : undefined;
}

/** `Authorization` values of one registry; one instance per use case and repository. */
export class Authenticator {
  readonly #deps: AuthDeps;
  readonly #audience: Audience;
  /** Header values by action, shared by concurrent requests; removed after a lookup without a result. */
  readonly #headers = new Map<Action, Promise<string | undefined>>();
  readonly #mountSources = new Set<string>();
  readonly #shown = new Set<string>();
  #refusal: LoginRefusedError | undefined;
  /** The header value that was asked for ahead of this repository's own challenge. */
  #ahead: Promise<string | undefined> | undefined;

  constructor(audience: Audience, deps: AuthDeps) {
    this.#audience = audience;
    this.#deps = deps;
  }

  /** Requests later mount tokens also for reading another repository of the registry. */
  allowMountFrom(repository: string): void {
    if (this.#mountSources.has(repository)) return;
    this.#mountSources.add(repository);
    this.#headers.delete("mount");
  }

  /** Requests no later token for reading the repository. */
  disallowMountFrom(repository: string): void {
    if (this.#mountSources.delete(repository)) this.#headers.delete("mount");
  }

  /**
   * The header value of the last answered challenge, so that the registry need not send another challenge. For the first
   * read, the value of the challenge that another repository of the host with the same login got.
   */
  async header(action: Action, signal: AbortSignal): Promise<string | undefined> {
    const held = this.#headers.get(action);
    if (held !== undefined) return await held;
    const { origin, repository } = this.#audience;
    const isKnown = this.#deps.known?.has(origin) === true;
    const isFirstRead = action === "pull" && repository !== undefined && this.#ahead === undefined;
    if (!isKnown || !isFirstRead) return undefined;
    this.#ahead = this.#hold(action, this.#answerAhead(action, signal));
    return await this.#ahead;
  }

  async #answerAhead(action: Action, signal: AbortSignal): Promise<string | undefined> {
    const { origin } = this.#audience;
    const login = await this.#login();
    const challenge = this.#deps.known?.get(origin, login);
    if (challenge === undefined) return undefined;
    try {
      return await this.#answerOnce([challenge], new URL(origin), action, signal);
    } catch (error) {
      this.#deps.known?.forget(origin, login);
      throw error;
    }
  }

  async #login(): Promise<Credentials> {
    const { registry, repository } = this.#audience;
    return (await this.#deps.credentials(registry, repository)).credentials;
  }

  /** Every secret that was sent or could have been sent, for redaction. */
  get shown(): ReadonlySet<string> {
    return this.#shown;
  }

  /** The refusal of the login, if the work continued without a login: the reason for later refusals. */
  get refusal(): LoginRefusedError | undefined {
    return this.#refusal;
  }

  /**
   * Answers a 401 (or ECR's 403 for an expired token).
   *
   * @param used The header value of the refused request; a newer value is returned at once.
   * @returns The header value to try; undefined without credentials, or for a challenge of another origin.
   */
  async answer(
    response: HttpResponse,
    action: Action,
    used: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { origin } = this.#audience;
    if (response.url.origin !== origin) return undefined;
    if (used !== undefined && used === (await this.#ahead?.catch(() => undefined))) {
      this.#deps.known?.refuse(origin, await this.#login());
    }
    try {
      const known = this.#headers.get(action);
      if (known !== undefined) {
        const header = await known;
        if (header !== used || header === undefined) return header;
      }
      // A concurrent refused request may already be renewing the value.
      const renewed = this.#headers.get(action);
      if (renewed !== undefined && renewed !== known) return await renewed;
    } catch (error) {
      if (error instanceof OrasClientError || signal.aborted) throw error;
      // The request behind the shared lookup was aborted; this request starts its own lookup.
      return await this.answer(response, action, used, signal);
    }
    const challenges = parseChallenges(response.header("www-authenticate") ?? "");
    return await this.#hold(action, this.#answerAfter(used, challenges, response.url, { action, signal }));
  }

  /** Shares a lookup with concurrent requests, and forgets a lookup without a result. */
  #hold(action: Action, found: Promise<string | undefined>): Promise<string | undefined> {
    this.#headers.set(action, found);
    const forget = (): void => {
      if (this.#headers.get(action) === found) this.#headers.delete(action);
    };
    found.then((header) => header ?? forget(), forget);
    return found;
  }

  /**
   * Answers a refusal of the answer to a challenge: of the token service's token with the login itself, if the registry
   * asks for Basic alone (Harbor takes no token without a scope), and of the login with another login.
   *
   * @param used The refused header value.
   * @returns Undefined if the refusal is final.
   */
  async answerRefusal(
    response: HttpResponse,
    action: Action,
    used: string,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (response.status !== 401) return undefined;
    const schemes = parseChallenges(response.header("www-authenticate") ?? "").map(({ scheme }) => scheme);
    if (!schemes.includes("basic") || schemes.includes("bearer")) return undefined;
    const answer = await this.answer(response, action, used, signal);
    return answer === used ? undefined : answer;
  }

  /** Answers challenges after a refused header value: if the value was the login itself, asks for another login. */
  async #answerAfter(
    used: string | undefined,
    challenges: readonly Challenge[],
    url: URL,
    { action, signal }: { readonly action: Action; readonly signal: AbortSignal },
  ): Promise<string | undefined> {
    const login = used === undefined ? undefined : await this.#login();
    if (login !== undefined && used === plainHeader(login)) await this.#renewed(login);
    return await this.#answerOnce(challenges, url, action, signal);
  }

  /** @returns Another login in place of a refused one; undefined if there is none. */
  async #renewed(refused: Credentials): Promise<Credentials | undefined> {
    const { registry, repository } = this.#audience;
    // A helper that fails now leaves the refusal as the error.
    const found = await this.#deps.credentials.renewed?.(refused, registry, repository).catch(() => undefined);
    if (found === undefined || JSON.stringify(found.credentials) === JSON.stringify(refused)) return undefined;
    for (const secret of secretsOf(found.credentials)) this.#shown.add(secret);
    return found.credentials;
  }

  async #answerOnce(
    challenges: readonly Challenge[],
    url: URL,
    action: Action,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { registry, repository, origin } = this.#audience;
    const found = await this.#deps.credentials(registry, repository);
    const { credentials } = found;
    for (const secret of secretsOf(credentials)) this.#shown.add(secret);
    if (credentials.kind === "bearer") return `Bearer ${credentials.token}`;
    const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
    if (bearer !== undefined) {
      const realm = checkRealm(bearer.parameters.get("realm"), url);
      const query = { realm, service: bearer.parameters.get("service"), scopes: this.#scopes(bearer, action) };
      const service = new TokenService(query, registry, this.#deps.http, signal);
      const token = await this.#tokenOf(service, found, action);
      this.#shown.add(token);
      this.#deps.known?.note(origin, await this.#login(), bearer);
      return `Bearer ${token}`;
    }
    const isBasic = challenges.some((challenge) => challenge.scheme === "basic");
    return isBasic && credentials.kind === "basic" ? basicHeader(credentials) : undefined;
  }

  /** A rejected login must not block public pulls. */
  async #tokenOf(service: TokenService, { credentials, foundIn }: FoundCredentials, action: Action): Promise<string> {
    const { registry, repository } = this.#audience;
    try {
      return await service.tokenFor(credentials);
    } catch (error) {
      if (!(error instanceof LoginRefusedError)) throw error;
      const other = await this.#renewed(credentials);
      if (other !== undefined) return await service.tokenFor(other);
      if (action !== "pull" || repository === undefined) throw error;
      const token = await service.tokenFor({ kind: "none" }).catch(() => Promise.reject(error));
      if (this.#refusal === undefined) {
        this.#deps.context.log.warn(`the login for ${registry} from ${foundIn} was refused; going on without one`);
      }
      this.#refusal = error;
      return token;
    }
  }

  /**
   * The scopes of the challenge and the use case; another repository's scope is requested only for mounting blobs. The
   * own scopes stand last, since some token services grant only the last scope.
   */
  #scopes(challenge: Challenge, action: Action): readonly string[] {
    const { repository } = this.#audience;
    const scopes = scopesFor(challenge.parameters.get("scope") ?? "", repository, action);
    const sources = action === "mount" ? [...this.#mountSources].sort() : [];
    const mounts = sources.map((source) => `repository:${source}:pull`);
    return [...new Set([...mounts, ...[...scopes].sort()])];
  }
}
