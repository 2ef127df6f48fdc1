/** Composition of the services: the only place that knows the class behind each interface. */

import { availableParallelism, homedir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { createCompressionThreads } from "./archive/compression-threads.ts";
import type { VerbServices } from "./cli/services.ts";
import { createCredentialProvider, createWithheldCredentials } from "./config/credentials.ts";
import { createLogins } from "./config/logins.ts";
import { mirrorsOf } from "./config/mirrors.ts";
import { PlainHttp } from "./config/plain-http.ts";
import { proxyFor } from "./config/proxy.ts";
import type { Settings } from "./config/settings.ts";
import { checkCaFile, tlsIdentityOf } from "./config/tls.ts";
import { type Context, rememberAwaited } from "./context.ts";
import { asError, isErrno, LocalIoError, TimeoutError } from "./errors.ts";
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
import { askingForbidden, forbiddenTarget } from "./registry/offline.ts";
import { createRegistryProbe } from "./registry/probe.ts";
import { createRegistry } from "./registry/registry.ts";
import { openStore } from "./store/file-store.ts";
import { Deadline } from "./transfer/deadline.ts";
import { MirrorHealth } from "./transfer/mirror-health.ts";
import type { Run } from "./transfer/run.ts";
import { createSlots } from "./transfer/slots.ts";
import { applyRetention } from "./verbs/retention.ts";

/** Surroundings of the process, with the log and progress that `main.ts` and `index.ts` choose. */
export type Surroundings = Pick<
  Context,
  | "env"
  | "user"
  | "userId"
  | "processId"
  | "parentProcessId"
  | "isRunning"
  | "cwd"
  | "homeDir"
  | "os"
  | "cpu"
  | "processors"
  | "threadCode"
  | "log"
  | "progress"
>;

/** The parts of `process` that describe its surroundings. */
type Host = Pick<NodeJS.Process, "arch" | "cwd" | "env" | "geteuid" | "kill" | "pid" | "platform" | "ppid">;

/**
 * Reads the surroundings of the process once.
 *
 * @throws {LocalIoError} the working folder was removed
 */
export function surroundingsOf(host: Host): Omit<Surroundings, "threadCode" | "log" | "progress"> {
  return {
    env: host.env,
    user: userName(),
    userId: host.geteuid?.(),
    processId: host.pid,
    parentProcessId: host.ppid,
    isRunning: isRunningBy(host.kill),
    cwd: workingFolder(host.cwd),
    homeDir: homeFolder(),
    os: host.platform,
    cpu: host.arch,
    processors: availableParallelism(),
  };
}

/** The user's name; `unknown` for a user without an entry, as in some containers. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}

/**
 * The user's home folder, as an absolute path. An empty or relative `HOME` is ignored in favour of the system's entry:
 * otherwise, files of the working folder would count as the user's.
 */
function homeFolder(): string {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : userInfo().homedir;
  } catch {
    // A user without an entry, as in some containers.
    return "/";
  }
}

/** @param kill `process.kill`; signal 0 only checks whether the process exists. */
function isRunningBy(kill: (processId: number, signal: 0) => unknown): (processId: number) => boolean {
  return (processId) => {
    try {
      kill(processId, 0);
      return true;
    } catch (error) {
      // EPERM: the process exists, and belongs to another user.
      return isErrno(error, "EPERM");
    }
  };
}

/**
 * @param cwd `process.cwd`
 * @throws {LocalIoError} the working folder was removed
 */
function workingFolder(cwd: () => string): string {
  try {
    return cwd();
  } catch (cause) {
    throw new LocalIoError("LOCAL_IO", "the working folder is gone: the folder was removed or replaced", {
      cause,
      hint: 'change to an existing folder and run the command again; for a replaced folder, run `cd "$PWD"` first',
    });
  }
}

/** Context with the real clock and dice, and the given surroundings. */
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
  const apiDeps = (registry: string, isMirror: boolean): ApiDeps => {
    const use = plainHttp.use(registry, isMirror);
    const shown = use === "anonymous" ? withheldCredentials : credentials;
    return { http, credentials: shown, context, isPlainHttp: use !== "no" };
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
  const end = new AbortController();
  const startedMs = context.now();
  const progress = rememberAwaited(context.progress);
  const deadline = new Deadline(settings.timeoutMs, context, () => {
    const awaited = progress.awaited();
    const message = `not finished after ${settings.timeoutMs / 1000} seconds`;
    const cause = awaited === undefined ? undefined : new Error(`at that time: ${awaited}`);
    end.abort(new TimeoutError("TIMED_OUT", message, { cause, hint: "allow more time with --timeout SECONDS" }));
  });
  const signal = anySignal(end.signal, ...(interruption === undefined ? [] : [interruption]));
  const run: Run = {
    signal,
    get deadlineMs() {
      return deadline.endMs;
    },
    mirrorHealth: new MirrorHealth(),
  };
  const lifetime: Lifetime = {
    signal,
    get deadlineMs() {
      return deadline.endMs;
    },
    puttingOff: (packing) => deadline.puttingOff(packing),
  };
  const { services, close } = compose(settings, { ...context, progress }, lifetime);
  try {
    return await work(services, run);
  } finally {
    close();
    // Also after a failure: a full disk may be the cause.
    if (services.store.hasGrown() && !signal.aborted) await applyRetention(services, run, startedMs);
    deadline.stop();
  }
}
