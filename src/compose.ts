/** Puts the layers together: the only place that knows which class stands behind which interface. */
import { setMaxListeners } from "node:events";
import { setTimeout as delay } from "node:timers/promises";
import type { ClientDeps } from "./client/deps.ts";
import { createCredentialProvider } from "./config/credentials.ts";
import type { Settings } from "./config/settings.ts";
import type { Context } from "./context.ts";
import { TimeoutError } from "./errors.ts";
import { createHttpClient } from "./http/client.ts";
import { openLayout } from "./layout/layout.ts";
import { createRegistry } from "./registry/registry.ts";
import { openStore } from "./store/store.ts";

/** What a process knows of its surroundings; `main.ts` and `index.ts` read it. */
export type Surroundings = Pick<Context, "env" | "homeDir" | "os" | "cpu" | "log" | "progress">;

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
  const http = createHttpClient({ caFile: settings.caFile, deadlineMs: context.now() + settings.timeoutMs }, context);
  const credentials = createCredentialProvider(settings, context);
  return {
    deps: {
      context,
      settings,
      store: openStore(settings.cacheDir, context),
      open: (location) =>
        location.kind === "layout"
          ? openLayout(location.path, context)
          : createRegistry(location, {
              http,
              credentials,
              context,
              allowPlainHttp: settings.allowPlainHttp,
              mirrors: [],
            }),
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
