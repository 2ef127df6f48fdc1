/** Base URL of a registry's API. */
export function apiBase(registry: string, isPlainHttp: boolean): URL {
  return new URL(`${isPlainHttp ? "http" : "https"}://${registry}/v2/`);
}
