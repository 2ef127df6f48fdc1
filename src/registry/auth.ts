/**
 * Authentication at one registry: nothing until it asks, then what it asks for.
 *
 * Invariant: only the registry's own origin is ever answered, whoever else sends a challenge.
 */
import type { Context } from "../context.ts";
import { OrasClientError } from "../errors.ts";
import type { HttpClient } from "../http/client.ts";
import type { HttpResponse } from "../http/response.ts";
import type { CredentialProvider, FoundCredentials } from "../model/credentials.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { checkRealm } from "./realm.ts";
import { secretsOf } from "./redact.ts";
import { basicHeader, LoginRefusedError, TokenService } from "./token.ts";

export type Action = "pull" | "push" | "delete";

const actionsOf: Readonly<Record<Action, string>> = { pull: "pull", push: "pull,push", delete: "pull,delete" };

export interface AuthDeps {
  readonly http: HttpClient;
  readonly credentials: CredentialProvider;
  readonly context: Context;
}

/** Whom credentials are for. */
export interface Audience {
  /** Host with its port. */
  readonly registry: string;
  /** Base of its API; challenges from elsewhere are not answered. */
  readonly origin: string;
  /** Undefined: only what the registry itself asks for, as for a login. */
  readonly repository: string | undefined;
}

/** Header values by registry and scope; lives as long as the use case. */
export class Authenticator {
  readonly #deps: AuthDeps;
  readonly #audience: Audience;
  /** Answers to the registry by action, for all requests under way; forgotten when there is nothing to show. */
  readonly #headers = new Map<Action, Promise<string | undefined>>();
  readonly #mountSources = new Set<string>();
  readonly #shown = new Set<string>();
  #refusal: LoginRefusedError | undefined;

  constructor(audience: Audience, deps: AuthDeps) {
    this.#audience = audience;
    this.#deps = deps;
  }

  /** From now on tokens are good for reading another repository of the registry, too. */
  allowMountFrom(repository: string): void {
    if (this.#mountSources.has(repository)) return;
    this.#mountSources.add(repository);
    this.#headers.delete("push");
  }

  /** The registry's last challenge, so that it need not ask again. */
  async header(action: Action): Promise<string | undefined> {
    return await this.#headers.get(action);
  }

  /** Every secret that was sent, or was given to be sent. */
  get shown(): ReadonlySet<string> {
    return this.#shown;
  }

  /** That the login was not taken, and the work went on without it: the reason for whatever is refused from then on. */
  get refusal(): LoginRefusedError | undefined {
    return this.#refusal;
  }

  /**
   * Answers a 401 (or ECR's 403 for a token that ran out).
   *
   * @param used The header of the request that was refused; another one that was made meanwhile is used instead.
   * @returns The header to try, or undefined when there is nothing to show, or nobody who may see it.
   */
  async answer(
    response: HttpResponse,
    action: Action,
    used: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    if (response.url.origin !== this.#audience.origin) return undefined;
    try {
      const known = this.#headers.get(action);
      if (known !== undefined) {
        const header = await known;
        if (header !== used || header === undefined) return header;
      }
      // Somebody who was refused as well may have been faster.
      const renewed = this.#headers.get(action);
      if (renewed !== undefined && renewed !== known) return await renewed;
    } catch (error) {
      if (error instanceof OrasClientError || signal.aborted) throw error;
      // Whoever had asked has left, which is nobody else's end.
      return await this.answer(response, action, used, signal);
    }
    const challenges = parseChallenges(response.header("www-authenticate") ?? "");
    const found = this.#answerOnce(challenges, response.url, action, signal);
    this.#headers.set(action, found);
    const forget = (): void => {
      if (this.#headers.get(action) === found) this.#headers.delete(action);
    };
    found.then((header) => header ?? forget(), forget);
    return await found;
  }

  async #answerOnce(
    challenges: readonly Challenge[],
    url: URL,
    action: Action,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { registry } = this.#audience;
    const found = await this.#deps.credentials(registry);
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
      return `Bearer ${token}`;
    }
    const isBasic = challenges.some((challenge) => challenge.scheme === "basic");
    return isBasic && credentials.kind === "basic" ? basicHeader(credentials) : undefined;
  }

  /** A rejected login must not block public pulls. */
  async #tokenOf(service: TokenService, { credentials, source }: FoundCredentials, action: Action): Promise<string> {
    const { registry, repository } = this.#audience;
    try {
      return await service.tokenFor(credentials);
    } catch (error) {
      if (!(error instanceof LoginRefusedError) || action !== "pull" || repository === undefined) throw error;
      const token = await service.tokenFor({ kind: "none" }).catch(() => Promise.reject(error));
      if (this.#refusal === undefined) {
        this.#deps.context.log.warn(`the login for ${registry} from ${source} was refused; going on without one`);
      }
      this.#refusal = error;
      return token;
    }
  }

  /** The registry's scope and the use case's: a push needs a token that can pull, too. */
  #scopes(challenge: Challenge, action: Action): readonly string[] {
    const { repository } = this.#audience;
    const own = repository === undefined ? [] : [`repository:${repository}:${actionsOf[action]}`];
    const asked =
      challenge.parameters
        .get("scope")
        ?.split(" ")
        .filter((scope) => scope !== "") ?? [];
    // A scope for another repository is the registry's business only where blobs are mounted from there.
    const others = asked.filter((scope) => !scope.startsWith("repository:"));
    for (const source of this.#mountSources) others.push(`repository:${source}:pull`);
    return [...own, ...others].sort();
  }
}
