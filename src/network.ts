/** Composition of the services that ask registries: credentials, routes, connections. */
import type { Logins } from "./config/logins.ts";
import type { PlainHttpUse } from "./config/plain-http.ts";
import { proxyFor } from "./config/proxy.ts";
import type { Settings } from "./config/settings.ts";
import { tlsIdentityOf } from "./config/tls.ts";
import type { Context } from "./context.ts";
import { createHttpClient, type HttpClient } from "./http/client.ts";
import { mirrorRetry } from "./http/retry.ts";
import { directRoute, type Route } from "./http/transport.ts";
import type { BasicCredentials, CredentialProvider } from "./model/credentials.ts";
import type { RegistryLocation } from "./model/location.ts";
import type { Target } from "./model/source.ts";
import type { ApiDeps } from "./registry/api.ts";
import { KnownChallenges } from "./registry/known-challenges.ts";
import type { RegistryProbe } from "./registry/probe.ts";
import { createRegistry } from "./registry/registry.ts";
import type { Run } from "./transfer/run.ts";
import type { ImportServices } from "./verbs/import.ts";
import type { TrustRootServices } from "./verbs/trust-root.ts";

/** Signal and deadline of the services, as of their only request. */
export type Lifetime = Pick<Run, "signal" | "deadlineMs">;

export interface Network {
  readonly openRegistry: (location: RegistryLocation, as: { use: PlainHttpUse; isMirror: boolean }) => Target;
  readonly probe: (location: RegistryLocation, use: PlainHttpUse) => Promise<RegistryProbe>;
  readonly download: ImportServices["download"];
  /** The answer of any status, without a login. */
  readonly readUrl: TrustRootServices["readUrl"] & ImportServices["readUrl"];
  readonly logins: () => Promise<Logins>;
  /** False if the registry asks for no login. @throws {RegistryAuthError} the registry refuses the login */
  readonly checkLogin: (
    registry: string,
    given: BasicCredentials,
    by: { readonly isPlainHttp: boolean },
    signal: AbortSignal,
  ) => Promise<boolean>;
  /** Closes the connections. No request may follow. */
  readonly close: () => void;
}

export function composeNetwork(settings: Settings, context: Context, lifetime: Lifetime): Network {
  const routeTo = async (url: URL): Promise<Route> => {
    const proxy = proxyFor(url, context);
    // A registry without TLS may be behind a proxy with TLS.
    const secure = [url, proxy?.url].find((one) => one?.protocol === "https:");
    return { tls: secure === undefined ? directRoute.tls : await tlsIdentityOf(secure, settings, context), proxy };
  };
  const { connectTimeoutMs, idleTimeoutMs } = settings;
  const timeouts = {
    connectTimeoutMs,
    idleTimeoutMs,
    routeTo,
    get deadlineMs() {
      return lifetime.deadlineMs;
    },
  };
  const http = createHttpClient(timeouts, context);
  /** Retries a mirror less, since another source can take its place. */
  const hurried: HttpClient = { ...http, request: (request) => http.request({ ...request, retries: mirrorRetry }) };
  /** Read when a registry asks for a login. */
  let providers: Promise<Record<"own" | "withheld", CredentialProvider>> | undefined;
  const loadProviders = async (): Promise<Record<"own" | "withheld", CredentialProvider>> => {
    const { createCredentialProvider, createWithheldCredentials } = await import("./config/credentials.ts");
    const own = createCredentialProvider(settings, context, lifetime.signal);
    return { own, withheld: createWithheldCredentials(settings) };
  };
  const providerOf = (name: "own" | "withheld"): CredentialProvider => {
    const load = async (): Promise<CredentialProvider> => {
      providers ??= loadProviders();
      return (await providers)[name];
    };
    const find: CredentialProvider = async (registry, repository) => await (await load())(registry, repository);
    const renewed: CredentialProvider["renewed"] = async (refused, registry, repository) => {
      const provider = await load();
      return await (provider.renewed?.(refused, registry, repository) ?? provider(registry, repository));
    };
    return Object.assign(find, { renewed });
  };
  const [credentials, withheldCredentials] = [providerOf("own"), providerOf("withheld")];
  const known = new KnownChallenges();
  const apiDeps = (use: PlainHttpUse): ApiDeps => {
    const shown = use === "anonymous" ? withheldCredentials : credentials;
    return { http, credentials: shown, context, known, isPlainHttp: use !== "no" };
  };
  return {
    openRegistry: (location, { use, isMirror }) =>
      createRegistry(location, { ...apiDeps(use), http: isMirror ? hurried : http, mirrors: [] }),
    probe: async (location, use) => {
      const { createRegistryProbe } = await import("./registry/probe.ts");
      return createRegistryProbe(location, { ...apiDeps(use), routeTo });
    },
    download: async (request, signal) => {
      const { downloadVerified } = await import("./importers/download.ts");
      await downloadVerified(http, request, signal);
    },
    readUrl: async (url: URL, maxBytes: number, signal: AbortSignal, as?: { readonly accept: string }) => {
      const request = { method: "GET", url, bufferBytes: maxBytes, signal } as const;
      // A stranger wrote the address of a source's statement, and an import goes on without the statement.
      const stated = as && { headers: as, staysAtOrigin: true, retries: mirrorRetry };
      const answer = await http.request({ ...request, headers: {}, ...stated });
      if (answer.status === 200) return { status: 200, bytes: await answer.bytes(maxBytes) };
      await answer.discard();
      return { status: answer.status, bytes: new Uint8Array() };
    },
    logins: async () => {
      const { createLogins } = await import("./config/logins.ts");
      return createLogins(credentials, context);
    },
    checkLogin: async (registry, given, { isPlainHttp }, signal) => {
      const { checkLogin } = await import("./registry/check-login.ts");
      return await checkLogin(registry, given, { http, context, isPlainHttp }, signal);
    },
    close: () => http.close(),
  };
}
