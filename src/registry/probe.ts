/** Diagnostic requests to a registry, for `doctor`. */

import { networkError } from "../http/network-error.ts";
import { addressesOf, type Connection, connectTo } from "../http/probe.ts";
import type { HttpResponse } from "../http/response.ts";
import type { RetryPolicy } from "../http/retry.ts";
import type { Route } from "../http/transport.ts";
import type { Digest } from "../model/digest.ts";
import type { RegistryLocation } from "../model/location.ts";
import { type ApiDeps, RegistryApi } from "./api.ts";
import { apiBase } from "./api-base.ts";
import { parseChallenges } from "./challenge.ts";
import { parseContentRange } from "./content-range.ts";

export interface Greeting {
  readonly status: number;
  /** Schemes of the challenges, such as `bearer`; empty without a challenge. */
  readonly schemes: readonly string[];
  /** Host of the challenge's token service; the raw text if the text is not a URL. */
  readonly tokenService: string | undefined;
  /** The registry's clock, from the `Date` header. */
  readonly date: Date | undefined;
}

/** Answer to a GET without a login. */
export interface PlainAnswer {
  readonly status: number;
  /** Bytes of the whole blob; undefined if the answer does not state them. */
  readonly sizeBytes: number | undefined;
  /** True if the user's own authorities or client certificate were used, which other programs lack. */
  readonly isPrivate: boolean;
}

export interface RegistryProbe {
  readonly url: URL;
  /** Host of the proxy; undefined for a direct connection. */
  proxy(): Promise<string | undefined>;
  addresses(): Promise<readonly string[]>;
  connect(timeoutMs: number, signal: AbortSignal): Promise<Connection>;
  greet(signal: AbortSignal): Promise<Greeting>;
  /**
   * Authenticates as for a pull, with a token from the token service if the registry asks for one.
   *
   * @returns Status of the registry's response.
   * @throws {OrasClientError} the token service is unreachable, or refuses
   */
  authenticate(signal: AbortSignal): Promise<number>;
  /** Source and kind of the registry's credentials, and why they are withheld; never the credentials themselves. */
  credentialSource(): Promise<{
    readonly foundIn: string;
    readonly kind: string;
    readonly withheld: string | undefined;
  }>;
  /** Address of a blob. Asks nothing. */
  blobUrl(digest: Digest): URL;
  /** Asks for a blob's first byte without a login, as other programs do; redirects are followed. */
  blobWithoutLogin(digest: Digest, retries: RetryPolicy, signal: AbortSignal): Promise<PlainAnswer>;
  /** @returns Status of the referrers API; 404 for a 200 without an index. */
  referrers(digest: Digest, signal: AbortSignal): Promise<number>;
}

export interface ProbeDeps extends ApiDeps {
  readonly routeTo: (url: URL) => Promise<Route>;
}

/** Size of the whole file in an answer to a range. */
function wholeSize(response: HttpResponse): number | undefined {
  if (response.status === 206) return parseContentRange(response.header("content-range"))?.total;
  const stated = response.header("content-length");
  return stated === undefined ? undefined : Number(stated);
}

export function createRegistryProbe(location: RegistryLocation, deps: ProbeDeps): RegistryProbe {
  const url = apiBase(location.registry, deps.isPlainHttp);
  const api = new RegistryApi(location, deps);
  const named = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work();
    } catch (error) {
      throw networkError(url, error);
    }
  };
  return {
    url,
    async proxy() {
      return (await deps.routeTo(url)).proxy?.url.host;
    },
    async addresses() {
      const { proxy } = await deps.routeTo(url);
      return await named(() => addressesOf(proxy?.url ?? url));
    },
    async connect(timeoutMs, signal) {
      const route = await deps.routeTo(url);
      return await named(() => connectTo(url, route, timeoutMs, signal));
    },
    async greet(signal) {
      const response = await deps.http.request({ method: "GET", url, headers: {}, signal });
      const challenges = parseChallenges(response.header("www-authenticate") ?? "");
      const schemes = challenges.map(({ scheme }) => scheme);
      const realm = challenges.find(({ scheme }) => scheme === "bearer")?.parameters.get("realm");
      const tokenService = realm === undefined || !URL.canParse(realm) ? realm : new URL(realm).host;
      const date = new Date(response.header("date") ?? "");
      await response.discard();
      const isDated = !Number.isNaN(date.getTime());
      return { status: response.status, schemes, tokenService, date: isDated ? date : undefined };
    },
    async authenticate(signal) {
      const response = await api.call({ method: "GET", url, signal }, "pull");
      await response.discard();
      return response.status;
    },
    async credentialSource() {
      const { credentials, foundIn } = await deps.credentials(location.registry, location.repository);
      const withheld = credentials.kind === "none" ? credentials.withheld : undefined;
      return { foundIn, kind: credentials.kind, withheld };
    },
    blobUrl: (digest) => api.url(`blobs/${digest}`),
    async blobWithoutLogin(digest, retries, signal) {
      // A HEAD may be refused where a GET is signed; the rest of the body is not read.
      const request = { method: "GET", url: api.url(`blobs/${digest}`), headers: { range: "bytes=0-0" } } as const;
      const response = await deps.http.request({ ...request, retries, signal });
      await response.discard();
      const { tls } = await deps.routeTo(url);
      return {
        status: response.status,
        sizeBytes: wholeSize(response),
        isPrivate: tls.ca !== undefined || tls.cert !== undefined,
      };
    },
    async referrers(digest, signal) {
      const response = await api.call({ method: "GET", url: api.url(`referrers/${digest}`), signal }, "pull");
      await response.discard();
      const isIndex = response.header("content-type")?.includes("index") === true;
      return response.status === 200 && !isIndex ? 404 : response.status;
    },
  };
}
