/** Composition of the services: the only place that knows the class behind each interface. */

import { join } from "node:path";
import { createCompressionThreads } from "./archive/compression-threads.ts";
import type { SharedServices, VerbServices } from "./cli/services.ts";
import { createCredentialProvider, createWithheldCredentials } from "./config/credentials.ts";
import { createLogins } from "./config/logins.ts";
import { mirrorsOf } from "./config/mirrors.ts";
import { PlainHttp } from "./config/plain-http.ts";
import { proxyFor } from "./config/proxy.ts";
import type { Settings } from "./config/settings.ts";
import { checkCaFile, tlsIdentityOf } from "./config/tls.ts";
import { type Context, rememberAwaited } from "./context.ts";
import { asError, TimeoutError } from "./errors.ts";
import { withTemporaryFolder } from "./files/temporary-folder.ts";
import { createHttpClient, type HttpClient } from "./http/client.ts";
import { mirrorRetry } from "./http/retry.ts";
import { directRoute, type Route } from "./http/transport.ts";
import { downloadVerified } from "./importers/download.ts";
import { openLayout } from "./layout/layout.ts";
import { formatLocation, type RegistryLocation } from "./model/location.ts";
import type { Source, Target } from "./model/source.ts";
import { anySignal, limitTo } from "./parallel.ts";
import type { ApiDeps } from "./registry/api.ts";
import { checkLogin } from "./registry/check-login.ts";
import { KnownChallenges } from "./registry/known-challenges.ts";
import { askingForbidden, forbiddenTarget } from "./registry/offline.ts";
import { createRegistryProbe } from "./registry/probe.ts";
import { createRegistry } from "./registry/registry.ts";
import { openStore } from "./store/file-store.ts";
import { Deadline } from "./transfer/deadline.ts";
import { MirrorHealth } from "./transfer/mirror-health.ts";
import type { Run } from "./transfer/run.ts";
import { createSlots } from "./transfer/slots.ts";
import { applyRetention } from "./verbs/retention.ts";

/** Limit of pieces of work with open files at the same time; each piece opens a handful of files. */
const maxOpen = 16;

/** As many layers at a time as there are processors, each compressed in a thread. */
function packingBy(
  { processors, threadCode, log }: Context,
  puttingOff: Lifetime["puttingOff"],
): VerbServices["packing"] {
  const { run } = limitTo(processors);
  const limit: VerbServices["packing"]["limit"] = (work) => run(() => puttingOff(work));
  if (threadCode === undefined) return { limit, threads: undefined };
  const onFailure = (error: unknown): void => log.debug(`no thread for compression: ${asError(error).message}`);
  return { limit, threads: createCompressionThreads(threadCode, onFailure) };
}

interface Composition {
  readonly services: VerbServices;
  /** Closes the connections. No request may follow. */
  readonly close: () => void;
}

/** Signal and deadline of the services, as of their only request. */
interface Lifetime extends Pick<Run, "signal" | "deadlineMs"> {
  /** Runs work that puts the deadline off. */
  readonly puttingOff: <T>(work: () => Promise<T>) => Promise<T>;
}

function compose(settings: Settings, context: Context, lifetime: Lifetime): Composition {
  const routeTo = async (url: URL): Promise<Route> => {
    const proxy = proxyFor(url, context);
    // A registry without TLS may be behind a proxy with TLS.
    const secure = [url, proxy?.url].find((one) => one?.protocol === "https:");
    return { tls: secure === undefined ? directRoute.tls : await tlsIdentityOf(secure, settings, context), proxy };
  };
  const { connectTimeoutMs, idleTimeoutMs } = settings;
  const { signal, puttingOff } = lifetime;
  const timeouts = {
    connectTimeoutMs,
    idleTimeoutMs,
    routeTo,
    get deadlineMs() {
      return lifetime.deadlineMs;
    },
  };
  const http = createHttpClient(timeouts, context);
  const credentials = createCredentialProvider(settings, context, signal);
  const withheldCredentials = createWithheldCredentials(settings);
  const plainHttp = new PlainHttp(settings);
  const known = new KnownChallenges();
  const apiDeps = (registry: string, isMirror: boolean): ApiDeps => {
    const use = plainHttp.use(registry, isMirror);
    const shown = use === "anonymous" ? withheldCredentials : credentials;
    return { http, credentials: shown, context, known, isPlainHttp: use !== "no" };
  };
  /** Registries by location; a repository keeps its token until the command ends. */
  const registries = new Map<string, Target>();
  const openRegistry = (location: RegistryLocation, mirrors: readonly Source[]): Target => {
    return createRegistry(location, { ...apiDeps(location.registry, false), mirrors });
  };
  /** Retries a mirror less, since another source can take its place. */
  const openMirror = (location: RegistryLocation): Source => {
    const hurried: HttpClient = { ...http, request: (request) => http.request({ ...request, retries: mirrorRetry }) };
    return createRegistry(location, { ...apiDeps(location.registry, true), http: hurried, mirrors: [] });
  };
  const services: VerbServices = {
    context,
    settings,
    withPrivateStore: (work) =>
      withTemporaryFolder("cache", context, (folder) =>
        work({ ...services, store: openStore(join(folder, "cache"), false, context) }),
      ),
    store: openStore(settings.cacheDir, settings.isCacheInProject, context),
    probe: (location) => createRegistryProbe(location, { ...apiDeps(location.registry, false), routeTo }),
    download: async (request, signal) => {
      if (settings.isOffline) throw askingForbidden(request.url.host);
      await downloadVerified(http, request, signal);
    },
    logins: createLogins(credentials, context),
    noteNamed: (registry) => plainHttp.noteNamed(registry),
    checkLogin: async (registry, given, signal) => {
      if (settings.isOffline) throw askingForbidden(registry);
      // `loginRegistry` refuses a host that only a checkout names.
      plainHttp.noteNamed(registry);
      // If only a checkout allows http, the login needs TLS.
      const isPlainHttp = plainHttp.use(registry, false) === "yes";
      return await checkLogin(registry, given, { http, context, isPlainHttp }, signal);
    },
    slots: createSlots(settings.concurrency),
    limitOpen: limitTo(maxOpen).run,
    packing: packingBy(context, puttingOff),
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
  };
  return { services, close: () => http.close() };
}

/** The time of one request. */
interface Timed extends Lifetime {
  readonly stop: () => void;
}

/** @param awaited Tells what the request waits for when its time is over. */
function startTime(
  settings: Settings,
  context: Context,
  interruptions: readonly AbortSignal[],
  awaited: () => string | undefined,
): Timed {
  const end = new AbortController();
  const deadline = new Deadline(settings.timeoutMs, context, () => {
    const last = awaited();
    const message = `not finished after ${settings.timeoutMs / 1000} seconds`;
    const cause = last === undefined ? undefined : new Error(`at that time: ${last}`);
    end.abort(
      new TimeoutError("TIMED_OUT", message, {
        cause,
        hint: "allow more time with --timeout SECONDS, or find the slow step with `buck2-oras doctor REF`",
      }),
    );
  });
  return {
    signal: anySignal(end.signal, ...interruptions),
    get deadlineMs() {
      return deadline.endMs;
    },
    puttingOff: (packing) => deadline.puttingOff(packing),
    stop: () => deadline.stop(),
  };
}

function runIn(time: Timed, mirrorHealth: MirrorHealth): Run {
  return {
    signal: time.signal,
    get deadlineMs() {
      return time.deadlineMs;
    },
    mirrorHealth,
  };
}

/**
 * Creates the services and one run, calls `work` with both, and closes the services.
 *
 * @param interruption The caller's signal; the run also ends at the timeout of the settings.
 */
export async function withComposition<T>(
  settings: Settings,
  context: Context,
  interruption: AbortSignal | undefined,
  work: (services: VerbServices, run: Run) => Promise<T>,
): Promise<T> {
  await checkCaFile(settings);
  const startedMs = context.now();
  const progress = rememberAwaited(context.progress);
  const time = startTime(settings, context, interruption === undefined ? [] : [interruption], progress.awaited);
  const run = runIn(time, new MirrorHealth());
  const { services, close } = compose(settings, { ...context, progress }, time);
  try {
    return await work(services, run);
  } finally {
    close();
    // Also after a failure: a full disk may be the cause.
    if (services.store.hasGrown() && !time.signal.aborted) await applyRetention(services, run, startedMs);
    time.stop();
  }
}

/**
 * Creates services for many requests, calls `work` with them, and closes the services. Each request has its own signal
 * and time; all share the health of the mirrors, as the requests of one command would.
 *
 * @param interruption Ends all requests.
 */
export async function withSharedComposition<T>(
  settings: Settings,
  context: Context,
  interruption: AbortSignal,
  work: (shared: SharedServices) => Promise<T>,
): Promise<T> {
  await checkCaFile(settings);
  const startedMs = context.now();
  const lifetime: Lifetime = {
    signal: interruption,
    // Of a request that starts now: the HTTP client knows no request, and refuses longer waits at once.
    get deadlineMs() {
      return context.now() + settings.timeoutMs;
    },
    puttingOff: (packing) => packing(),
  };
  const { services, close } = compose(settings, context, lifetime);
  const mirrorHealth = new MirrorHealth();
  let underWay = 0;
  const request: SharedServices["request"] = async (signal, answer) => {
    const time = startTime(settings, context, [signal, interruption], () => undefined);
    const run = runIn(time, mirrorHealth);
    underWay += 1;
    try {
      return await answer(services, run);
    } finally {
      underWay -= 1;
      const isLast = underWay === 0 && services.store.hasGrown();
      if (isLast && !time.signal.aborted) await applyRetention(services, run, startedMs);
      time.stop();
    }
  };
  try {
    return await work({ services, signal: interruption, request });
  } finally {
    close();
  }
}
