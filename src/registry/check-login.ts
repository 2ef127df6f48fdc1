/** Check of a login at a registry, independent of repositories. */
import { ContentVerificationError } from "../errors.ts";
import type { HttpResponse } from "../http/response.ts";
import type { BasicCredentials } from "../model/credentials.ts";
import type { ApiDeps } from "./api.ts";
import { apiBase } from "./api-base.ts";
import { Authenticator } from "./auth.ts";
import { loginError, responseError } from "./response-error.ts";

/** Registries answer `GET /v2/` with an empty object or nothing. */
const maxGreetingBytes = 64 * 1024;

/**
 * Checks a login. The login is sent only after a challenge.
 *
 * @returns False if the registry asks for no login: the login is then unchecked.
 * @throws {RegistryAuthError} the registry refuses the login
 * @throws {ContentVerificationError} `RESPONSE_INVALID`: the server is not a registry; the login was not sent
 * @see OCI distribution-spec v1.1.1, "Determining Support": `GET /v2/` says whether a login is right
 */
export async function checkLogin(
  registry: string,
  credentials: BasicCredentials,
  deps: Pick<ApiDeps, "http" | "context" | "isPlainHttp">,
  signal: AbortSignal,
): Promise<boolean> {
  const url = apiBase(registry, deps.isPlainHttp);
  const given = { credentials, foundIn: "login" };
  const audience = { registry, origin: url.origin, repository: undefined };
  const auth = new Authenticator(audience, { ...deps, credentials: () => Promise.resolve(given) });
  const greet = (headers: Readonly<Record<string, string>>): Promise<HttpResponse> =>
    deps.http.request({ method: "GET", url, headers, bufferBytes: maxGreetingBytes, staysAtOrigin: true, signal });
  const asked = await greet({});
  if (asked.status === 200) {
    await checkGreeting(asked, registry);
    return false;
  }
  const request = { what: registry, registry, credentials, shown: auth.shown };
  if (asked.status !== 401) throw await responseError(asked, request);
  const authorization = await auth.answer(asked, "pull", undefined, signal);
  if (authorization === undefined) throw await responseError(asked, { ...request, what: `a login at ${registry}` });
  await asked.discard();
  const first = await greet({ authorization });
  const login = await auth.answerRefusal(first, "pull", authorization, signal);
  if (login !== undefined) await first.discard();
  const answered = login === undefined ? first : await greet({ authorization: login });
  if (answered.status !== 200) throw await loginError(answered, request);
  await answered.discard();
  return true;
}

/** @throws {ContentVerificationError} `RESPONSE_INVALID` for an answer that no registry gives */
async function checkGreeting(response: HttpResponse, registry: string): Promise<void> {
  const contentType = response.header("content-type") ?? "";
  const bytes = await response.bytes(maxGreetingBytes);
  if (response.header("docker-distribution-api-version") !== undefined || isJsonObject(bytes)) return;
  const what = /^text\/html\b/i.test(contentType) ? "a web page" : "bytes that are no registry's answer";
  throw new ContentVerificationError("RESPONSE_INVALID", `${registry} answered with ${what}; the login was not sent`, {
    hint: "check the host: the registry may use another host, or a proxy or login page answers in its place",
  });
}

function isJsonObject(bytes: Uint8Array): boolean {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof json === "object" && json !== null && !Array.isArray(json);
  } catch {
    return false;
  }
}
