/** Tries a login at a registry, without asking for any repository. */
import { ContentVerificationError } from "../errors.ts";
import type { HttpResponse } from "../http/response.ts";
import type { BasicCredentials } from "../model/credentials.ts";
import type { ApiDeps } from "./api.ts";
import { apiBase } from "./api-base.ts";
import { Authenticator } from "./auth.ts";
import { loginError, responseError } from "./response-error.ts";

/** A registry has an empty object there, if anything. */
const maxGreetingBytes = 64 * 1024;

/**
 * The login is shown only to a registry that asks for one.
 *
 * @returns False: the registry asks for none, so that nothing can be said of this one.
 * @throws {RegistryAuthError} the registry refuses the login
 * @throws {ContentVerificationError} `RESPONSE_INVALID`: whatever answers is no registry; it was shown nothing
 * @see OCI distribution-spec v1.1.1, "Determining Support": `GET /v2/` says whether a login is right
 */
export async function checkLogin(
  registry: string,
  credentials: BasicCredentials,
  deps: Pick<ApiDeps, "http" | "context" | "allowPlainHttp">,
  signal: AbortSignal,
): Promise<boolean> {
  const url = apiBase(registry, deps.allowPlainHttp);
  const given = { credentials, source: "login" };
  const audience = { registry, origin: url.origin, repository: undefined };
  const auth = new Authenticator(audience, { ...deps, credentials: () => Promise.resolve(given) });
  const greet = (headers: Readonly<Record<string, string>>): Promise<HttpResponse> =>
    deps.http.request({ method: "GET", url, headers, bufferBytes: maxGreetingBytes, staysAtOrigin: true, signal });
  const asked = await greet({});
  if (asked.status === 200) {
    await checkGreeting(asked, registry);
    return false;
  }
  if (asked.status !== 401) throw await responseError(asked, registry, credentials, registry, auth.shown);
  const authorization = await auth.answer(asked, "pull", undefined, signal);
  if (authorization === undefined)
    throw await responseError(asked, `a login at ${registry}`, credentials, registry, auth.shown);
  await asked.discard();
  const answered = await greet({ authorization });
  if (answered.status !== 200) throw await loginError(answered, credentials, registry, auth.shown);
  await answered.discard();
  return true;
}

/** @throws {ContentVerificationError} `RESPONSE_INVALID` for what no registry says */
async function checkGreeting(response: HttpResponse, registry: string): Promise<void> {
  const contentType = response.header("content-type") ?? "";
  const bytes = await response.bytes(maxGreetingBytes);
  if (response.header("docker-distribution-api-version") !== undefined || isJsonObject(bytes)) return;
  const what = /^text\/html\b/i.test(contentType) ? "a web page" : "something that no registry says";
  throw new ContentVerificationError("RESPONSE_INVALID", `${registry} answered with ${what}; the login was not sent`, {
    hint: "check the host: a registry may have one of its own, or a proxy or a login page stands before it",
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
