/** Which token service may see credentials: the realm comes from the network, so an attacker may have chosen it. */
import { BlockList, isIP } from "node:net";
import { RegistryAuthError } from "../errors.ts";

/** Link-local and unspecified addresses: cloud metadata services answer there. */
const forbidden = new BlockList();
forbidden.addSubnet("169.254.0.0", 16, "ipv4");
forbidden.addSubnet("0.0.0.0", 8, "ipv4");
forbidden.addSubnet("fe80::", 10, "ipv6");
forbidden.addAddress("::", "ipv6");
forbidden.addAddress("fd00:ec2::254", "ipv6");
forbidden.addSubnet("::ffff:169.254.0.0", 112, "ipv6");
forbidden.addSubnet("::ffff:0.0.0.0", 104, "ipv6");

function isForbidden(hostname: string): boolean {
  const host = hostname.replace(/^\[|\]$/g, "");
  const family = isIP(host);
  return family !== 0 && forbidden.check(host, family === 6 ? "ipv6" : "ipv4");
}

/**
 * @param registryUrl Where the challenge came from; its scheme was chosen by us.
 * @throws {RegistryAuthError} `REALM_REFUSED`; no request was made
 */
export function checkRealm(realm: string | undefined, registryUrl: URL): URL {
  const refuse = (why: string): RegistryAuthError =>
    new RegistryAuthError("REALM_REFUSED", `authentication at ${registryUrl.host} refused: its token service ${why}`, {
      hint: "the registry, or somebody between, asks for credentials to be sent where they do not belong: tell who runs it",
    });
  if (realm === undefined || !URL.canParse(realm)) throw refuse("has no usable address");
  const url = new URL(realm);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse(`has the scheme ${url.protocol}`);
  if (url.protocol === "http:" && registryUrl.protocol === "https:") throw refuse("would be asked without encryption");
  if (url.username !== "" || url.password !== "") throw refuse("has a login in its address");
  if (isForbidden(url.hostname)) throw refuse(`is at ${url.hostname}`);
  return url;
}
