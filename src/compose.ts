/** Puts the layers together: the only place that knows which class stands behind which interface. */
import { setMaxListeners } from "node:events";
import { userInfo } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import pLimit from "p-limit";
import type { ClientDeps } from "./client/deps.ts";
import { askingForbidden, forbiddenTarget } from "./client/offline.ts";
import { PartBuffers } from "./client/part-buffers.ts";
import { MirrorHealth } from "./client/sources.ts";
import { createCredentialProvider } from "./config/credentials.ts";
import { createLogins } from "./config/logins.ts";
import { mirrorsOf } from "./config/mirrors.ts";
import { PlainHttp } from "./config/plain-http.ts";
import { proxyFor } from "./config/proxy.ts";
import type { Settings } from "./config/settings.ts";
import { checkCaFile, tlsIdentityOf } from "./config/tls.ts";
import type { Context } from "./context.ts";
import { TimeoutError } from "./errors.ts";
import { createHttpClient, type HttpClient } from "./http/client.ts";
import { hasty } from "./http/retry.ts";
import { directRoute, type Route } from "./http/transport.ts";
import { downloadVerified } from "./import/download.ts";
import { openLayout } from "./layout/layout.ts";
import { formatLocation, type RegistryLocation } from "./model/reference.ts";
import type { Source, Target } from "./model/source.ts";
import { apiBase } from "./registry/api-base.ts";
import { checkLogin } from "./registry/check-login.ts";
import { createRegistryProbe } from "./registry/probe.ts";
import { createRegistry } from "./registry/registry.ts";
import { openStore } from "./store/file-store.ts";

/** What a process knows of its surroundings; `main.ts` and `index.ts` read it. */
export type Surroundings = Pick<
  Context,
  "env" | "user" | "userId" | "cwd" | "homeDir" | "os" | "cpu" | "log" | "progress"
>;

/** Some containers have users without a name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}

/** The real clock and dice, with surroundings that the caller read. */
export function createContext(surroundings: Surroundings): Context {
  return {
    ...surroundings,
    now: Date.now,
    random: Math.random,
    sleep: async (delayMs, signal) => {
      await delay(delayMs, undefined, { signal }).catch(() => signal.throwIfAborted());
    },
  };
}

interface Composition {
  readonly deps: ClientDeps;
  /** Closes connections; nothing may be asked afterwards. */
  readonly close: () => void;
}

function compose(settings: Settings, context: Context): Composition {
  const routeTo = async (url: URL): Promise<Route> => {
    const proxy = proxyFor(url, context);
    // Without TLS of its own the registry may still be behind a proxy that has it.
    const secure = [url, proxy?.url].find((one) => one?.protocol === "https:");
    return { tls: secure === undefined ? directRoute.tls : await tlsIdentityOf(secure, settings, context), proxy };
  };
  const http = createHttpClient(
    {
      connectTimeoutMs: settings.connectTimeoutMs,
      idleTimeoutMs: settings.idleTimeoutMs,
      deadlineMs: context.now() + settings.timeoutMs,
      routeTo,
    },
    context,
  );
  const credentials = createCredentialProvider(settings, context);
  const plainHttp = new PlainHttp(settings);
  const isPlain = (registry: string, isNamed: boolean): boolean => {
    const isLoopback = apiBase(registry, false).protocol === "http:";
    return plainHttp.allows(registry, isNamed, isLoopback);
  };
  /** By name: a repository keeps its token for as long as the command lasts. */
  const registries = new Map<string, Target>();
  const openRegistry = (location: RegistryLocation, mirrors: readonly Source[]): Target => {
    const allowPlainHttp = isPlain(location.registry, true);
    return createRegistry(location, { http, credentials, context, allowPlainHttp, mirrors });
  };
  /** In whose place another source is left: it is not waited for. */
  const openMirror = (location: RegistryLocation): Source => {
    const allowPlainHttp = isPlain(location.registry, false);
    const hurried: HttpClient = { ...http, request: (request) => http.request({ ...request, retries: hasty }) };
    return createRegistry(location, { http: hurried, credentials, context, allowPlainHttp, mirrors: [] });
  };
  const limitTransfers = pLimit(settings.concurrency);
  return {
    deps: {
      context,
      settings,
      store: openStore(settings.cacheDir, false, context),
      probe: (location) => {
        const allowPlainHttp = isPlain(location.registry, true);
        return createRegistryProbe(location, { http, credentials, context, allowPlainHttp, routeTo });
      },
      download: async (url, sha256, path, signal) => {
        if (settings.isOffline) throw askingForbidden(url.host);
        await downloadVerified(http, url, sha256, path, signal);
      },
      logins: createLogins(credentials, context),
      checkLogin: async (registry, given, signal) => {
        if (settings.isOffline) throw askingForbidden(registry);
        return await checkLogin(registry, given, { http, context, allowPlainHttp: isPlain(registry, true) }, signal);
      },
      partBuffers: new PartBuffers(),
      mirrorHealth: new MirrorHealth(),
      limitTransfers,
      hasFreeTransfer: () => limitTransfers.activeCount + limitTransfers.pendingCount < limitTransfers.concurrency,
      open: (location) => {
        if (location.kind === "layout") return openLayout(location.path, context);
        const name = formatLocation(location);
        if (settings.isOffline) return forbiddenTarget(name);
        let registry = registries.get(name);
        if (registry === undefined) {
          const mirrors = mirrorsOf(location, settings).map(openMirror);
          registry = openRegistry(location, mirrors);
          registries.set(name, registry);
        }
        return registry;
      },
    },
    close: () => http.close(),
  };
}

/**
 * Composes, runs `work` with a signal that is aborted when the time of the settings is up, and closes.
 *
 * @param interruption The caller's own signal.
 */
export async function withComposition<T>(
  settings: Settings,
  context: Context,
  interruption: AbortSignal | undefined,
  work: (deps: ClientDeps, signal: AbortSignal) => Promise<T>,
): Promise<T> {
  await checkCaFile(settings);
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    const message = `not done after ${settings.timeoutMs / 1000} seconds`;
    deadline.abort(new TimeoutError("TIMED_OUT", message, { hint: "give more time with --timeout SECONDS" }));
  }, settings.timeoutMs);
  timer.unref();
  const { deps, close } = compose(settings, context);
  const signal = AbortSignal.any([deadline.signal, ...(interruption === undefined ? [] : [interruption])]);
  // Every request under way listens; Node warns of a leak at eleven.
  setMaxListeners(0, signal);
  try {
    return await work(deps, signal);
  } finally {
    clearTimeout(timer);
    close();
  }
}
