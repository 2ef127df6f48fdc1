/** Validation of token service URLs; an attacker may control the realm. */
import { RegistryAuthError } from "../errors.ts";
import { isForbiddenFrom } from "../http/forbidden-address.ts";

/** A path from the root; `//HOST` and `/\HOST` would name another host. */
const ownPath = /^\/(?![/\\])/;

/**
 * @param realm An address, or a path at the registry's own host.
 * @param registryUrl URL of the challenge; its scheme follows the user's settings.
 * @returns The address without `scope` and `account` in its query.
 * @throws {RegistryAuthError} `REALM_REFUSED`; no request was made
 */
export function checkRealm(realm: string | undefined, registryUrl: URL): URL {
  const refuse = (why: string): RegistryAuthError =>
    new RegistryAuthError("REALM_REFUSED", `authentication at ${registryUrl.host} refused: its token service ${why}`, {
      hint: "tell the registry's operator: the registry, or an attacker, asks for credentials at a wrong place",
    });
  const base = realm !== undefined && ownPath.test(realm) ? registryUrl.origin : undefined;
  if (realm === undefined || !URL.canParse(realm, base)) throw refuse("has no usable address");
  const url = new URL(realm, base);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse(`has the scheme ${url.protocol}`);
  if (url.protocol === "http:" && registryUrl.protocol === "https:") throw refuse("would be asked without encryption");
  if (url.username !== "" || url.password !== "") throw refuse("has a login in its address");
  if (isForbiddenFrom(registryUrl.hostname, url.hostname)) throw refuse(`is at ${url.hostname}`);
  // The query of the address would widen the token's scope, or name its account.
  for (const name of [...url.searchParams.keys()]) {
    if (["scope", "account"].includes(name.toLowerCase())) url.searchParams.delete(name);
  }
  return url;
}
