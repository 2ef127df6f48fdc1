/** Questions to a registry that only a person asks: what `doctor` shows. */

import { networkError } from "../http/network-error.ts";
import { addressesOf, type Connection, connectTo } from "../http/probe.ts";
import type { Route } from "../http/transport.ts";
import type { Digest } from "../model/digest.ts";
import type { RegistryLocation } from "../model/reference.ts";
import { type ApiDeps, RegistryApi } from "./api.ts";
import { apiBase } from "./api-base.ts";
import { parseChallenges } from "./challenge.ts";

export interface Greeting {
  readonly status: number;
  /** Schemes that it wants to be shown, such as `bearer`; empty when it asks for nothing. */
  readonly schemes: readonly string[];
  /** Host of the token service that it names, as it names it. */
  readonly tokenService: string | undefined;
  /** Time of the registry's clock, by its `Date` header. */
  readonly date: Date | undefined;
}

export interface RegistryProbe {
  readonly url: URL;
  /** Host of the proxy on the way; undefined without one. */
  proxy(): Promise<string | undefined>;
  addresses(): Promise<readonly string[]>;
  connect(timeoutMs: number, signal: AbortSignal): Promise<Connection>;
  greet(signal: AbortSignal): Promise<Greeting>;
  /**
   * Asks the token service for what a pull needs, and shows it.
   *
   * @returns Status of the registry's answer to it.
   * @throws {OrasClientError} the token service cannot be asked, or gives nothing
   */
  authenticate(signal: AbortSignal): Promise<number>;
  /** Where credentials for the registry are found, of which kind, and why none are shown; never what they are. */
  credentialSource(): Promise<{
    readonly source: string;
    readonly kind: string;
    readonly withheld: string | undefined;
  }>;
  /** @returns Status of the referrers API. */
  referrers(digest: Digest, signal: AbortSignal): Promise<number>;
}

export interface ProbeDeps extends ApiDeps {
  readonly routeTo: (url: URL) => Promise<Route>;
}

export function createRegistryProbe(location: RegistryLocation, deps: ProbeDeps): RegistryProbe {
  const url = apiBase(location.registry, deps.allowPlainHttp);
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
      const { credentials, source } = await deps.credentials(location.registry);
      const withheld = credentials.kind === "none" ? credentials.withheld : undefined;
      return { source, kind: credentials.kind, withheld };
    },
    async referrers(digest, signal) {
      const response = await api.call({ method: "GET", url: api.url(`referrers/${digest}`), signal }, "pull");
      await response.discard();
      const isIndex = response.header("content-type")?.includes("index") === true;
      return response.status === 200 && !isIndex ? 404 : response.status;
    },
  };
}
