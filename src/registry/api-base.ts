/** Base URL of a registry's API. */

/** Loopback needs no encryption: the traffic stays on this machine. */
function isLoopback(registry: string): boolean {
  const host = registry.replace(/:[0-9]+$/, "");
  return host === "localhost" || host === "[::1]" || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}

/** @param allowPlainHttp Use `http:` for a host that is not on loopback. */
export function apiBase(registry: string, allowPlainHttp: boolean): URL {
  const scheme = allowPlainHttp || isLoopback(registry) ? "http" : "https";
  return new URL(`${scheme}://${registry}/v2/`);
}
