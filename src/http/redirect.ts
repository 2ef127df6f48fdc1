/** Validation of `Location` headers; an attacker may control the header. */
import { RegistryUnavailableError } from "../errors.ts";
import { isForbiddenFrom } from "./forbidden-address.ts";

const plainHttpHint =
  "ask the operator to set `X-Forwarded-Proto` in the proxy before the registry, or `http.relativeurls` in the registry " +
  "(distribution)";

/** Node reads a header as Latin-1; servers that do not encode a path send UTF-8. */
function asUtf8(header: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(Buffer.from(header, "latin1"));
  } catch {
    return header;
  }
}

/** The same address with https, where a proxy ends TLS and the registry behind it takes itself for http. */
function asHttps(url: URL, from: URL): URL {
  const upgraded = new URL(url);
  upgraded.protocol = "https:";
  return from.protocol === "https:" && url.protocol === "http:" && upgraded.host === from.host ? upgraded : url;
}

/**
 * The address of an upload. An http address at the https registry's own host and port becomes https: nothing is sent
 * without TLS.
 *
 * @param from URL of the response.
 * @throws {RegistryUnavailableError} `REDIRECT_REFUSED`; no request was made
 */
export function uploadTarget(location: string | undefined, from: URL): URL {
  const target = location === undefined ? undefined : asUtf8(location);
  const isUrl = target !== undefined && URL.canParse(target, from.href);
  return redirectTarget(isUrl ? asHttps(new URL(target, from), from).href : target, from, "sends an upload");
}

/**
 * @param from URL of the response.
 * @param means The server's action as a verb, such as `redirects`.
 * @returns The target without user and password.
 * @throws {RegistryUnavailableError} `REDIRECT_REFUSED`; no request was made
 */
export function redirectTarget(location: string | undefined, from: URL, means = "redirects"): URL {
  const refuse = (why: string, hint = "ask the operator of the registry or its proxy to fix the setup") =>
    new RegistryUnavailableError("REDIRECT_REFUSED", `${from.host} ${means} ${why}`, { hint });
  const target = location === undefined ? undefined : asUtf8(location);
  if (target === undefined || !URL.canParse(target, from.href)) throw refuse("to nowhere");
  const url = new URL(target, from);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse(`to ${url.protocol}`);
  if (url.protocol === "http:" && from.protocol === "https:") {
    throw refuse(`from https to http (${url.host})`, plainHttpHint);
  }
  if (url.origin !== from.origin && isForbiddenFrom(from.hostname, url.hostname)) throw refuse(`to ${url.hostname}`);
  url.username = "";
  url.password = "";
  return url;
}
