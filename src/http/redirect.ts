/** Where a `Location` leads: it comes from the network, so somebody else may have chosen it. */
import { RegistryUnavailableError } from "../errors.ts";
import { isForbiddenFrom } from "./forbidden-address.ts";

/**
 * @param from Where the answer came from.
 * @param means What the server does by it, such as `redirects`.
 * @returns Without user and password.
 * @throws {RegistryUnavailableError} `REDIRECT_REFUSED`; no request was made
 */
export function redirectTarget(location: string | undefined, from: URL, means = "redirects"): URL {
  const refuse = (why: string): RegistryUnavailableError =>
    new RegistryUnavailableError("REDIRECT_REFUSED", `${from.host} ${means} ${why}`, {
      hint: "the registry or a proxy before it is set up wrongly; ask who runs it",
    });
  if (location === undefined || !URL.canParse(location, from.href)) throw refuse("to nowhere");
  const url = new URL(location, from);
  if (url.protocol !== "https:" && url.protocol !== "http:") throw refuse(`to ${url.protocol}`);
  if (url.protocol === "http:" && from.protocol === "https:") throw refuse(`from https to http (${url.host})`);
  if (url.origin !== from.origin && isForbiddenFrom(from.hostname, url.hostname)) throw refuse(`to ${url.hostname}`);
  url.username = "";
  url.password = "";
  return url;
}
