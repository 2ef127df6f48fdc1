/**
 * Authentication at one registry: nothing until it asks, then what it asks for.
 *
 * @see CNCF distribution, docs/content/spec/auth: token.md and oauth.md
 */
import * as v from "valibot";
import type { Context } from "../context.ts";
import { RegistryAuthError } from "../errors.ts";
import type { HttpClient, HttpResponse } from "../http/client.ts";
import type { BasicCredentials, CredentialProvider, Credentials } from "../model/credentials.ts";
import { type Challenge, parseChallenges } from "./challenge.ts";
import { checkRealm } from "./realm.ts";

export type Action = "pull" | "push" | "delete";

const actionsOf: Readonly<Record<Action, string>> = { pull: "pull", push: "pull,push", delete: "pull,delete" };

export interface AuthDeps {
  readonly http: HttpClient;
  readonly credentials: CredentialProvider;
  readonly context: Context;
}

const tokenSchema = v.object({ token: v.optional(v.string()), access_token: v.optional(v.string()) });
const maxTokenBytes = 64 * 1024;
/** Statuses of token services that know GET but not POST, or the other way round. */
const unsupportedMethodStatuses: ReadonlySet<number> = new Set([404, 405]);

/** RFC 7617 */
export function basicHeader({ username, password }: BasicCredentials): string {
  return `Basic ${Buffer.from(`${username}:${password}`, "utf8").toString("base64")}`;
}

/** Header values by registry and scope; lives as long as the use case. */
export class Authenticator {
  readonly #deps: AuthDeps;
  readonly #registry: string;
  readonly #repository: string | undefined;
  /** The header that worked last for an action; undefined until the registry asked. */
  readonly #headers = new Map<Action, Promise<string>>();
  readonly #mountSources = new Set<string>();

  /** @param repository Undefined: only what the registry itself asks for, as for a login. */
  constructor(registry: string, repository: string | undefined, deps: AuthDeps) {
    this.#registry = registry;
    this.#repository = repository;
    this.#deps = deps;
  }

  /** From now on tokens are good for reading another repository of the registry, too. */
  allowMountFrom(repository: string): void {
    if (this.#mountSources.has(repository)) return;
    this.#mountSources.add(repository);
    this.#headers.delete("push");
  }

  /** What the registry asked for before, so that it need not ask again. */
  async header(action: Action): Promise<string | undefined> {
    return await this.#headers.get(action);
  }

  /**
   * Answers a 401 (or ECR's 403 for a token that ran out).
   *
   * @param used The header of the request that was refused; another one that was made meanwhile is used instead.
   * @returns The header to try, or undefined when there is nothing to show.
   */
  async answer(
    response: HttpResponse,
    action: Action,
    used: string | undefined,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const known = this.#headers.get(action);
    if (known !== undefined && (await known) !== used) return await known;
    const challenges = parseChallenges(response.header("www-authenticate") ?? "");
    const header = this.#answerOnce(challenges, response.url, action, signal);
    const found = header.then((value) => value ?? Promise.reject(new Error("nothing to show")));
    this.#headers.set(action, found);
    found.catch(() => this.#headers.delete(action));
    return await header;
  }

  async #answerOnce(
    challenges: readonly Challenge[],
    url: URL,
    action: Action,
    signal: AbortSignal,
  ): Promise<string | undefined> {
    const { credentials } = await this.#deps.credentials(this.#registry);
    if (credentials.kind === "bearer") return `Bearer ${credentials.token}`;
    const bearer = challenges.find((challenge) => challenge.scheme === "bearer");
    if (bearer !== undefined) return `Bearer ${await this.#fetchToken(bearer, credentials, url, action, signal)}`;
    const isBasic = challenges.some((challenge) => challenge.scheme === "basic");
    return isBasic && credentials.kind === "basic" ? basicHeader(credentials) : undefined;
  }

  /** What the registry asked for, and what the use case needs: a push needs a token that can pull, too. */
  #scopes(challenge: Challenge, action: Action): readonly string[] {
    const own = this.#repository === undefined ? [] : [`repository:${this.#repository}:${actionsOf[action]}`];
    const asked =
      challenge.parameters
        .get("scope")
        ?.split(" ")
        .filter((scope) => scope !== "") ?? [];
    // A scope for another repository is the registry's business only where blobs are mounted from there.
    const others = asked.filter((scope) => !scope.startsWith("repository:"));
    for (const repository of this.#mountSources) others.push(`repository:${repository}:pull`);
    return [...own, ...others].sort();
  }

  async #fetchToken(
    challenge: Challenge,
    credentials: Credentials,
    url: URL,
    action: Action,
    signal: AbortSignal,
  ): Promise<string> {
    const realm = checkRealm(challenge.parameters.get("realm"), url);
    const service = challenge.parameters.get("service");
    const scopes = this.#scopes(challenge, action);
    const response =
      credentials.kind === "identity"
        ? await this.#postForToken(realm, service, scopes, credentials.token, signal)
        : await this.#getToken(realm, service, scopes, credentials, signal);
    if (response.status !== 200) {
      await response.discard();
      throw new RegistryAuthError(
        "REGISTRY_UNAUTHORIZED",
        `authentication failed: the token service of ${this.#registry} (${realm.host}) answered ${response.status}`,
        { hint: authenticationHint(credentials, this.#registry) },
      );
    }
    return readToken(await response.bytes(maxTokenBytes), realm);
  }

  async #getToken(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    credentials: Credentials,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    const headers = credentials.kind === "basic" ? { authorization: basicHeader(credentials) } : {};
    const response = await this.#deps.http.request({ method: "GET", url, headers, bufferBytes: maxTokenBytes, signal });
    if (!unsupportedMethodStatuses.has(response.status) || credentials.kind !== "basic") return response;
    await response.discard();
    const login = { grant_type: "password", username: credentials.username, password: credentials.password };
    return await this.#post(realm, service, scopes, login, signal);
  }

  async #postForToken(
    realm: URL,
    service: string | undefined,
    scopes: readonly string[],
    refreshToken: string,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const response = await this.#post(
      realm,
      service,
      scopes,
      { grant_type: "refresh_token", refresh_token: refreshToken },
      signal,
    );
    if (!unsupportedMethodStatuses.has(response.status)) return response;
    await response.discard();
    // A service without oauth2 takes the token as a password of a user that no service has.
    const login = { kind: "basic", username: "00000000-0000-0000-0000-000000000000", password: refreshToken } as const;
    return await this.#getToken(realm, service, scopes, login, signal);
  }

  async #post(
    url: URL,
    service: string | undefined,
    scopes: readonly string[],
    grant: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<HttpResponse> {
    const form = new URLSearchParams({
      ...grant,
      service: service ?? url.host,
      client_id: "buck2-oras",
      scope: scopes.join(" "),
    });
    const bytes = new TextEncoder().encode(form.toString());
    const body = {
      sizeBytes: bytes.byteLength,
      open: async function* () {
        yield bytes;
      },
    };
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return await this.#deps.http.request({ method: "POST", url, headers, body, signal });
  }
}

function readToken(bytes: Uint8Array, realm: URL): string {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    json = undefined;
  }
  const result = v.safeParse(tokenSchema, json);
  const token = result.success ? result.output.token || result.output.access_token : undefined;
  // A header value takes no control characters; a token has none.
  if (token !== undefined && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new RegistryAuthError(
    "REGISTRY_UNAUTHORIZED",
    `authentication failed: ${realm.host} answered without a token`,
    {
      hint: "the token service may be down, or a proxy answers in its place",
    },
  );
}

/** What a person can do about a refused login. */
export function authenticationHint(credentials: Credentials, registry: string): string {
  return credentials.kind === "none"
    ? `no credentials were found: log in with \`buck2 run oras -- login ${registry}\` (outside Buck2 \`buck2-oras login\` or ` +
        "`docker login`); a build daemon does not see a later `export` of ORAS_USER, ORAS_PASS or ORAS_TOKEN"
    : "the credentials were refused: check that they are right, not expired, and allowed to use this repository; " +
        `a new login is stored by \`buck2 run oras -- login ${registry}\``;
}
