/** Tries a login at a registry, without asking for any repository. */
import type { BasicCredentials } from "../model/credentials.ts";
import type { ApiDeps } from "./api.ts";
import { apiBase } from "./api-base.ts";
import { Authenticator, basicHeader } from "./auth.ts";
import { responseError } from "./response-error.ts";

/**
 * @throws {RegistryAuthError} the registry refuses the login
 * @see OCI distribution-spec v1.1.1, "Determining Support": `GET /v2/` says whether a login is right
 */
export async function checkLogin(
  registry: string,
  credentials: BasicCredentials,
  deps: Pick<ApiDeps, "http" | "context" | "allowPlainHttp">,
  signal: AbortSignal,
): Promise<void> {
  const url = apiBase(registry, deps.allowPlainHttp);
  const given = { credentials, source: "login" };
  const auth = new Authenticator(registry, undefined, { ...deps, credentials: () => Promise.resolve(given) });
  const asked = await deps.http.request({ method: "GET", url, headers: {}, signal });
  if (asked.status !== 401 && asked.status !== 200) throw await responseError(asked, registry, credentials, registry);
  // One that lets everybody read may ask for nothing here, and still want a login for a push.
  const authorization =
    asked.status === 200 ? basicHeader(credentials) : await auth.answer(asked, "pull", undefined, signal);
  if (authorization === undefined) throw await responseError(asked, `a login at ${registry}`, credentials, registry);
  await asked.discard();
  const answered = await deps.http.request({ method: "GET", url, headers: { authorization }, signal });
  if (answered.status !== 200) throw await responseError(answered, `a login at ${registry}`, credentials, registry);
  await answered.discard();
}
