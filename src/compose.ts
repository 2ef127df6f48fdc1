/** Puts the layers together: the only place that knows which class stands behind which interface. */

import { homedir, userInfo } from "node:os";
import { isAbsolute, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { VerbServices } from "./cli/services.ts";
import { createCredentialProvider, createWithheldCredentials } from "./config/credentials.ts";
import { createLogins } from "./config/logins.ts";
import { mirrorsOf } from "./config/mirrors.ts";
import { PlainHttp, type PlainHttpUse } from "./config/plain-http.ts";
import { proxyFor } from "./config/proxy.ts";
import type { Settings } from "./config/settings.ts";
import { checkCaFile, tlsIdentityOf } from "./config/tls.ts";
import type { Context } from "./context.ts";
import { isErrno, LocalIoError, TimeoutError } from "./errors.ts";
import { withTemporaryFolder } from "./files/temporary-folder.ts";
import { createHttpClient, type HttpClient } from "./http/client.ts";
import { mirrorRetry } from "./http/retry.ts";
import { directRoute, type Route } from "./http/transport.ts";
import { downloadVerified } from "./importers/download.ts";
import { openLayout } from "./layout/layout.ts";
import { formatLocation, type RegistryLocation } from "./model/reference.ts";
import type { Source, Target } from "./model/source.ts";
import { anySignal, limitTo } from "./parallel.ts";
import type { ApiDeps } from "./registry/api.ts";
import { apiBase } from "./registry/api-base.ts";
import { checkLogin } from "./registry/check-login.ts";
import { askingForbidden, forbiddenTarget } from "./registry/offline.ts";
import { createRegistryProbe } from "./registry/probe.ts";
import { createRegistry } from "./registry/registry.ts";
import { openStore } from "./store/file-store.ts";
import { MirrorHealth } from "./transfer/mirror-health.ts";
import type { Run } from "./transfer/run.ts";
import { createSlots } from "./transfer/slots.ts";
import { applyRetention } from "./verbs/clear-cache.ts";

/** The surroundings of a process; `main.ts` and `index.ts` read them. */
export type Surroundings = Pick<
  Context,
  "env" | "user" | "userId" | "processId" | "isRunning" | "cwd" | "homeDir" | "os" | "cpu" | "log" | "progress"
>;

/** Some containers have users without a name. */
export function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return "unknown";
  }
}

/**
 * The user's home folder. Where `HOME` is empty or relative, files of the working folder would be taken for the user's: then it is
 * what the system says.
 */
export function homeFolder(): string {
  try {
    const home = homedir();
    return isAbsolute(home) ? home : userInfo().homedir;
  } catch {
    // A user without an entry, as some containers have.
    return "/";
  }
}

/** @param kill `process.kill`, which with the signal 0 only looks whether there is one. */
export function isRunningBy(kill: (processId: number, signal: 0) => unknown): (processId: number) => boolean {
  return (processId) => {
    try {
      kill(processId, 0);
      return true;
    } catch (error) {
      // Another user's is there, too.
      return isErrno(error, "EPERM");
    }
  };
}

/**
 * @param cwd `process.cwd`
 * @throws {LocalIoError} the folder that the process was started in was removed
 */
export function workingFolder(cwd: () => string): string {
  try {
    return cwd();
  } catch (cause) {
    throw new LocalIoError("LOCAL_IO", "the working folder is gone: it was removed, or another one has its name", {
      cause,
      hint: 'go to a folder that is there and run the command again; if it was made anew, `cd "$PWD"` leads into it',
    });
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

/** Each has a handful of files open at most. */
const maxOpen = 16;

interface Composition {
  readonly services: VerbServices;
  /** Closes the connections; no request may be made afterwards. */
  readonly close: () => void;
}

/** @param lifetime Signal and deadline of the process; the process of one command has those of its only request. */
function compose(settings: Settings, context: Context, lifetime: Pick<Run, "signal" | "deadlineMs">): Composition {
  const routeTo = async (url: URL): Promise<Route> => {
    const proxy = proxyFor(url, context);
    // Without TLS of its own the registry may still be behind a proxy that has it.
    const secure = [url, proxy?.url].find((one) => one?.protocol === "https:");
    return { tls: secure === undefined ? directRoute.tls : await tlsIdentityOf(secure, settings, context), proxy };
  };
  const { connectTimeoutMs, idleTimeoutMs } = settings;
  const { signal, deadlineMs } = lifetime;
  const http = createHttpClient({ connectTimeoutMs, idleTimeoutMs, deadlineMs, routeTo }, context);
  const credentials = createCredentialProvider(settings, context, signal);
  const withheldCredentials = createWithheldCredentials(settings);
  const plainHttp = new PlainHttp(settings);
  const plainHttpUse = (registry: string, isMirror: boolean): PlainHttpUse => {
    const isLoopback = apiBase(registry, false).protocol === "http:";
    return plainHttp.use(registry, isMirror, isLoopback);
  };
  const apiDeps = (registry: string, isMirror: boolean): ApiDeps => {
    const use = plainHttpUse(registry, isMirror);
    const shown = use === "anonymous" ? withheldCredentials : credentials;
    return { http, credentials: shown, context, allowPlainHttp: use !== "no" };
  };
  /** By name: a repository keeps its token for as long as the command lasts. */
  const registries = new Map<string, Target>();
  const openRegistry = (location: RegistryLocation, mirrors: readonly Source[]): Target => {
    return createRegistry(location, { ...apiDeps(location.registry, false), mirrors });
  };
  /** In whose place another source is left: it is not waited for. */
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
      // A login is for no host that only a checkout names: see `loginRegistry`.
      plainHttp.noteNamed(registry);
      // Over TLS where a checkout alone allows http: it is a login that would be sent.
      const allowPlainHttp = plainHttpUse(registry, false) === "yes";
      return await checkLogin(registry, given, { http, context, allowPlainHttp }, signal);
    },
    slots: createSlots(settings.concurrency),
    limitOpen: limitTo(maxOpen).run,
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
 * Makes the services of a process and the values of one request, does `work` with both, and closes the services.
 *
 * @param interruption The caller's own signal; the request also ends when the time of the settings is up.
 */
export async function withComposition<T>(
  settings: Settings,
  context: Context,
  interruption: AbortSignal | undefined,
  work: (services: VerbServices, run: Run) => Promise<T>,
): Promise<T> {
  await checkCaFile(settings);
  const deadline = new AbortController();
  const timer = setTimeout(() => {
    const message = `not done after ${settings.timeoutMs / 1000} seconds`;
    deadline.abort(new TimeoutError("TIMED_OUT", message, { hint: "give more time with --timeout SECONDS" }));
  }, settings.timeoutMs);
  timer.unref();
  const startedMs = context.now();
  const signal = anySignal(deadline.signal, ...(interruption === undefined ? [] : [interruption]));
  const run: Run = { signal, deadlineMs: startedMs + settings.timeoutMs, mirrorHealth: new MirrorHealth() };
  const { services, close } = compose(settings, context, run);
  try {
    return await work(services, run);
  } finally {
    close();
    // After a failure too: the disk may be full.
    if (services.store.hasGrown() && !signal.aborted) await applyRetention(services, run, startedMs);
    clearTimeout(timer);
  }
}
