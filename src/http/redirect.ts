/** Validation of `Location` headers; an attacker may control the header. */
import { RegistryUnavailableError } from "../errors.ts";
import { isForbiddenFrom } from "./forbidden-address.ts";

/** Node reads a header as Latin-1; servers that do not encode a path send UTF-8. */
function asUtf8(header: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(header, "latin1"));
  } catch {
    return header;
  }
}

/**
 * @param from URL of the response.
 * @param means The server's action as a verb, such as `redirects`.
 * @returns The target without user and password.
 * @throws {RegistryUnavailableError} `REDIRECT_REFUSED`; no request was made
 */
export function redirectTarget(location: string | undefined, from: URL, means = "redirects"): URL {
  const refuse = (why: string): RegistryUnavailableError =>
    new RegistryUnavailableError("REDIRECT_REFUSED", `${from.host} ${means} ${why}`, {
      hint: "ask the operator of the registry or its proxy to fix the setup",
    });
  const target = location === undefined ? undefined : asUtf8(location);
  if (target === undefined || !URL.canParse(target, from.href)) throw refuse("to nowhere");
  const url = new URL(target, from);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse(`to ${url.protocol}`);
  if (url.protocol === "http:" && from.protocol === "https:") throw refuse(`from https to http (${url.host})`);
  if (url.origin !== from.origin && isForbiddenFrom(from.hostname, url.hostname)) throw refuse(`to ${url.hostname}`);
  url.username = "";
  url.password = "";
  return url;
}
