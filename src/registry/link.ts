/** Parser of `Link: <…>; rel="next"`, the next page of a listing. The header comes from the network. */
import { RegistryUnavailableError } from "../errors.ts";

const linkPattern = /<([^<>]{1,8192})>([^<]*)/g;

/** True for the same list without the first parts of the repository: Artifactory and some proxies leave out their own part. */
function isShortened(next: string, page: string): boolean {
  return next !== page && next.startsWith("/v2/") && page.endsWith(next.slice("/v2".length));
}

/**
 * @param page URL of the current page; the next page must have the same origin.
 * @returns undefined on the last page.
 * @throws {RegistryUnavailableError} `PAGINATION_REFUSED`
 * @see RFC 8288
 */
export function nextPage(header: string | undefined, page: URL): URL | undefined {
  for (const [, target = "", parameters = ""] of (header ?? "").matchAll(linkPattern)) {
    if (!/;\s*rel\s*=\s*"?next"?\s*(?:[;,]|$)/i.test(parameters)) continue;
    const refuse = (why: string): RegistryUnavailableError =>
      new RegistryUnavailableError("PAGINATION_REFUSED", `the list of ${page.host} continues ${why}`, {
        hint: "ask the operator of the registry or its proxy to fix the setup",
      });
    if (!URL.canParse(target, page.href)) throw refuse("at an invalid address");
    const next = new URL(target, page);
    if (isShortened(next.pathname, page.pathname)) next.pathname = page.pathname;
    if (next.origin !== page.origin) throw refuse(`at another origin, ${next.origin}`);
    if (next.href === page.href) throw refuse("at the same page, in an endless loop");
    return next;
  }
  return undefined;
}
