/** Composition of the services, with `network.ts`: the only places that know the class behind each interface. */

import { join } from "node:path";
import { createCompressionThreads } from "./archive/compression-threads.ts";
import { deferredTarget } from "./artifact/deferred.ts";
import type { SharedServices, VerbServices } from "./cli/services.ts";
import type { Logins } from "./config/logins.ts";
import { mirrorsOf } from "./config/mirrors.ts";
import { PlainHttp } from "./config/plain-http.ts";
import type { Settings } from "./config/settings.ts";
import { type Context, rememberAwaited } from "./context.ts";
import { asError, TimeoutError } from "./errors.ts";
import { formatLocation, type RegistryLocation } from "./model/location.ts";
import type { Target } from "./model/source.ts";
import type { Lifetime, Network } from "./network.ts";
import { anySignal, limitTo } from "./parallel.ts";
import { askingForbidden, forbiddenTarget } from "./registry/offline.ts";
import { openStore } from "./store/file-store.ts";
import { Deadline } from "./transfer/deadline.ts";
import { MirrorHealth } from "./transfer/mirror-health.ts";
import type { Run } from "./transfer/run.ts";
import { createSlots } from "./transfer/slots.ts";

/** Limit of pieces of work with open files at the same time; each piece opens a handful of files. */
const maxOpen = 16;

/** As many layers at a time as there are processors, each compressed in a thread. */
function packingBy(
  { processors, threadCode, log }: Context,
  puttingOff: CommandLifetime["puttingOff"],
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
  readonly close: () => Promise<void>;
}

function compose(settings: Settings, context: Context, lifetime: CommandLifetime): Composition {
  /** Loaded by the first question to a registry: a command that finds everything in the cache asks none. */
  let network: Promise<Network> | undefined;
  const online = async (): Promise<Network> => {
    network ??= import("./network.ts").then(({ composeNetwork }) => composeNetwork(settings, context, lifetime));
    return await network;
  };
  const logins = async (): Promise<Logins> => await (await online()).logins();
  const plainHttp = new PlainHttp(settings, lifetime.isForRequests);
  /** Registries by location; a repository keeps its token until the command ends. */
  const registries = new Map<string, Target>();
  const openRegistry = (location: RegistryLocation, isMirror: boolean): Target => {
    const mirrors = isMirror ? [] : mirrorsOf(location, settings).map((mirror) => openRegistry(mirror, true));
    // Before any question, since an ambiguous `--plain-http` is an error of the command line.
    const use = plainHttp.use(location.registry, isMirror);
    return deferredTarget(formatLocation(location), mirrors, async () =>
      (await online()).openRegistry(location, { use, isMirror }),
    );
  };
  const services: VerbServices = {
    context,
    settings,
    withPrivateStore: async (work) => {
      const { withTemporaryFolder } = await import("./files/temporary-folder.ts");
      return await withTemporaryFolder("cache", context, (folder) =>
        work({ ...services, store: openStore(join(folder, "cache"), false, context) }),
      );
    },
    store: openStore(settings.cacheDir, settings.isCacheInProject, context),
    probe: async (location) => {
      const use = plainHttp.use(location.registry, false);
      return await (await online()).probe(location, use);
    },
    download: async (request, signal) => {
      if (settings.isOffline) throw askingForbidden(request.url.host);
      await (await online()).download(request, signal);
    },
    readUrl: async (url: URL, maxBytes: number, signal: AbortSignal, as?: { readonly accept: string }) => {
      if (settings.isOffline) throw askingForbidden(url.host);
      const { readUrl } = await online();
      return as === undefined ? await readUrl(url, maxBytes, signal) : await readUrl(url, maxBytes, signal, as);
    },
    logins: {
      store: async (registry, login, signal) => await (await logins()).store(registry, login, signal),
      erase: async (registry, signal) => await (await logins()).erase(registry, signal),
    },
    noteNamed: (registry) => plainHttp.noteNamed(registry),
    checkLogin: async (registry, given, signal) => {
      if (settings.isOffline) throw askingForbidden(registry);
      // `loginRegistry` refuses a host that only a checkout names.
      plainHttp.noteNamed(registry);
      // If only a checkout allows http, the login needs TLS.
      const isPlainHttp = plainHttp.use(registry, false) === "yes";
      return await (await online()).checkLogin(registry, given, { isPlainHttp }, signal);
    },
    slots: createSlots(settings.concurrency),
    limitOpen: limitTo(maxOpen).run,
    packing: packingBy(context, lifetime.puttingOff),
    open: (location) => {
      const name = formatLocation(location);
      if (location.kind === "layout") {
        const { path } = location;
        return deferredTarget(name, [], async () => (await import("./layout/layout.ts")).openLayout(path, context));
      }
      if (settings.isOffline) return forbiddenTarget(name);
      let registry = registries.get(name);
      if (registry === undefined) {
        registry = openRegistry(location, false);
        registries.set(name, registry);
      }
      return registry;
    },
  };
  return { services, close: async () => (await network)?.close() };
}

/** Lifetime of a command's services. */
interface CommandLifetime extends Lifetime {
  /** Runs work that puts the deadline off. */
  readonly puttingOff: <T>(work: () => Promise<T>) => Promise<T>;
  /** True for the services of many requests, false for those of one command. */
  readonly isForRequests: boolean;
}

/** The time of one request. */
interface Timed extends CommandLifetime {
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
    isForRequests: false,
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
  if (settings.caFile !== undefined) await (await import("./config/tls.ts")).checkCaFile(settings.caFile);
  const startedMs = context.now();
  const progress = rememberAwaited(context.progress);
  const time = startTime(settings, context, interruption === undefined ? [] : [interruption], progress.awaited);
  const run = runIn(time, new MirrorHealth());
  const { services, close } = compose(settings, { ...context, progress }, time);
  try {
    return await work(services, run);
  } finally {
    await close();
    // Also after a failure: a full disk may be the cause.
    if (services.store.hasGrown() && !time.signal.aborted)
      await (await import("./verbs/retention.ts")).applyRetention(services, run, startedMs);
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
  if (settings.caFile !== undefined) await (await import("./config/tls.ts")).checkCaFile(settings.caFile);
  const startedMs = context.now();
  const lifetime: CommandLifetime = {
    signal: interruption,
    // Of a request that starts now: the HTTP client knows no request, and refuses longer waits at once.
    get deadlineMs() {
      return context.now() + settings.timeoutMs;
    },
    puttingOff: (packing) => packing(),
    isForRequests: true,
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
      if (isLast && !time.signal.aborted)
        await (await import("./verbs/retention.ts")).applyRetention(services, run, startedMs);
      time.stop();
    }
  };
  try {
    return await work({ services, signal: interruption, request });
  } finally {
    await close();
  }
}
