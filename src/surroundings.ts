/** Surroundings of the process, read once: environment, user, folders, system; with the real clock and dice. */
import { availableParallelism, homedir, userInfo } from "node:os";
import { isAbsolute } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import type { Context } from "./context.ts";
import { isErrno, LocalIoError } from "./errors.ts";

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
