/**
 * Client of a token service, as named by a Bearer challenge.
 *
 * @see CNCF distribution, docs/content/spec/auth: token.md and oauth.md
 */
import * as v from "valibot";
import { type OrasClientError, RegistryAuthError, RegistryUnavailableError } from "../errors.ts";
import type { HttpClient, HttpRequest } from "../http/client.ts";
import type { HttpResponse } from "../http/response.ts";
import type { BasicCredentials, Credentials } from "../model/credentials.ts";
import { basicHeader } from "./basic-header.ts";
import { readJson } from "./json.ts";
import { reasonOf } from "./reason.ts";
import { secretsOf } from "./redact.ts";

export interface TokenQuery {
  /** Validated by `checkRealm`. */
  readonly realm: URL;
  readonly service: string | undefined;
  readonly scopes: readonly string[];
}

const tokenSchema = v.object({ token: v.nullish(v.string()), access_token: v.nullish(v.string()) });
const maxTokenBytes = 64 * 1024;
/** Statuses of token services that support only GET or only POST. */
const unsupportedMethodStatuses: ReadonlySet<number> = new Set([404, 405]);
/** Pseudo user for services without oauth2, which accept an identity token as its password. */
const identityUser = "00000000-0000-0000-0000-000000000000";

/** The service refuses the login; public content may still be available without a login. */
export class LoginRefusedError extends RegistryAuthError {}

export class TokenService {
  readonly #query: TokenQuery;
  readonly #registry: string;
  readonly #http: HttpClient;
  readonly #signal: AbortSignal;

  /** @param registry The challenging registry; names it in messages. */
  constructor(query: TokenQuery, registry: string, http: HttpClient, signal: AbortSignal) {
    this.#query = query;
    this.#registry = registry;
    this.#http = http;
    this.#signal = signal;
  }

  /**
   * @throws {RegistryAuthError} `REGISTRY_UNAUTHORIZED`; a `LoginRefusedError` for a refused login
   * @throws {RegistryUnavailableError} the service has a problem unrelated to the credentials
   */
  async tokenFor(credentials: Credentials): Promise<string> {
    const response = await this.#ask(credentials);
    if (response.status === 200) return readToken(await response.bytes(maxTokenBytes), this.#query.realm);
    throw await this.#refused(response, credentials);
  }

  async #refused(response: HttpResponse, credentials: Credentials): Promise<OrasClientError> {
    const { status } = response;
    const cause = await reasonOf(response, "the token service", secretsOf(credentials));
    const answered = `the token service of ${this.#registry} (${this.#query.realm.host}) answered ${status}`;
    if (status === 429) {
      const hint =
        "try again later, or log in: the service limits the rate of requests, and a login often raises the limit";
      return new RegistryUnavailableError("REGISTRY_RATE_LIMITED", answered, { cause, hint });
    }
    if (status >= 500) {
      const hint = "try again later: the token service has a problem";
      return new RegistryUnavailableError("REGISTRY_UNAVAILABLE", answered, { cause, hint });
    }
    const isLogin = (status === 401 || status === 403) && credentials.kind !== "none";
    const Refusal = isLogin ? LoginRefusedError : RegistryAuthError;
    return new Refusal("REGISTRY_UNAUTHORIZED", `authentication failed: ${answered}`, {
      cause,
      hint: authenticationHint(credentials, this.#registry),
    });
  }

  /** Uses the method that suits the credentials, then the other method if the first is unsupported. */
  async #ask(credentials: Credentials): Promise<HttpResponse> {
    if (credentials.kind === "identity") {
      const refreshed = await this.#post({ grant_type: "refresh_token", refresh_token: credentials.token });
      if (!unsupportedMethodStatuses.has(refreshed.status)) return refreshed;
      await refreshed.discard();
      return await this.#get({ kind: "basic", username: identityUser, password: credentials.token });
    }
    if (credentials.kind !== "basic") return await this.#get(undefined);
    const response = await this.#get(credentials);
    if (!unsupportedMethodStatuses.has(response.status)) return response;
    await response.discard();
    const { username, password } = credentials;
    return await this.#post({ grant_type: "password", username, password });
  }

  async #get(login: BasicCredentials | undefined): Promise<HttpResponse> {
    const { realm, service, scopes } = this.#query;
    const url = new URL(realm);
    if (service !== undefined) url.searchParams.set("service", service);
    for (const scope of scopes) url.searchParams.append("scope", scope);
    const headers: Record<string, string> = login === undefined ? {} : { authorization: basicHeader(login) };
    return await this.#send({ method: "GET", url, headers });
  }

  async #post(grant: Readonly<Record<string, string>>): Promise<HttpResponse> {
    const { realm, service, scopes } = this.#query;
    const form = new URLSearchParams({
      ...grant,
      service: service ?? realm.host,
      client_id: "buck2-oras",
      scope: scopes.join(" "),
    });
    const bytes = new TextEncoder().encode(form.toString());
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    };
    const headers = { "content-type": "application/x-www-form-urlencoded" };
    return await this.#send({ method: "POST", url: realm, headers, body: { sizeBytes: bytes.byteLength, open } });
  }

  /** Sends a request to the validated origin only; redirects to other origins are refused. */
  async #send(request: Pick<HttpRequest, "method" | "url" | "headers" | "body">): Promise<HttpResponse> {
    // A repeated grant is harmless: token services keep no state of issued tokens.
    const bounds = { bufferBytes: maxTokenBytes, staysAtOrigin: true, isRepeatable: true, signal: this.#signal };
    const isHostForeign = request.url.host !== this.#registry;
    return await this.#http.request({ ...request, ...bounds, isHostForeign });
  }
}

function readToken(bytes: Uint8Array, realm: URL): string {
  const answer = readJson(bytes, tokenSchema);
  const token = answer?.token || answer?.access_token;
  // Control characters are invalid in a header value.
  if (typeof token === "string" && /^[\x21-\x7e]+$/.test(token)) return token;
  throw new RegistryAuthError(
    "REGISTRY_UNAUTHORIZED",
    `authentication failed: ${realm.host} answered without a token`,
    {
      hint: "check whether the token service runs, and whether a proxy answers in its place",
    },
  );
}

/** The hint after a refused login. */
export function authenticationHint(credentials: Credentials, registry: string): string {
  if (credentials.kind === "none" && credentials.withheld !== undefined) return credentials.withheld;
  return credentials.kind === "none"
    ? `log in with \`buck2-oras login ${registry}\` or \`docker login ${registry}\`; no credentials ` +
        "were found, and a build daemon does not see a later `export` of ORAS_USER, ORAS_PASS or ORAS_TOKEN"
    : "check the credentials, their expiry and their permissions (a set ORAS_TOKEN, or ORAS_USER with ORAS_PASS, comes " +
        "before a stored login), or store a new login with " +
        `\`buck2-oras login ${registry}\`: the credentials were refused`;
}
