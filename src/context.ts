/**
 * Access to the outside world: created once at the top (`main.ts`, `index.ts`), passed down, replaced in tests.
 *
 * The file system is not included: tests use real temporary folders.
 */

/** Log lines; none may contain a token, a password or a signed URL. */
export interface Log {
  /** A step of the work, for `--verbose`. */
  debug(message: string): void;
  /** A problem that does not end the work but that a person should know. */
  warn(message: string): void;
}

/**
 * A `fetch` leaves bytes that the next try resumes from; so does a `relay`, whose bytes are then sent on. `pack` is work
 * on this machine.
 */
export type TransferKind = "fetch" | "relay" | "send" | "pack";

/** Receiver of progress; calls are cheap, and may come once per chunk. */
export interface Progress {
  /** @param totalBytes Size in bytes, as stated by the manifest. */
  start(label: string, totalBytes: number, kind: TransferKind): ProgressTask;
  /**
   * Tells what the work waits for, such as `asking ghcr.io`. A function is called at each drawing and gives the whole
   * text, such as a countdown.
   *
   * @returns Ends the wait; idempotent.
   */
  awaiting(text: string | (() => string)): () => void;
}

export interface ProgressTask {
  /** @param bytes Bytes of an earlier try, before the first call of `advance`. */
  readonly resume: (bytes: number) => void;
  /** @param chunkBytes Bytes since the last call; negative for dropped bytes. */
  readonly advance: (chunkBytes: number) => void;
  readonly done: () => void;
}

/** Progress without a reader. */
export const noProgress: Progress = {
  start: () => ({ resume: () => {}, advance: () => {}, done: () => {} }),
  awaiting: () => () => {},
};

/** Progress that also remembers what is awaited. */
export interface AwaitingProgress extends Progress {
  /** The text of the newest wait that has not ended. */
  readonly awaited: () => string | undefined;
}

export function rememberAwaited(progress: Progress): AwaitingProgress {
  const waits = new Set<{ readonly text: string | (() => string) }>();
  return {
    start: (label, totalBytes, kind) => progress.start(label, totalBytes, kind),
    awaiting: (text) => {
      const wait = { text };
      const end = progress.awaiting(text);
      waits.add(wait);
      return () => {
        waits.delete(wait);
        end();
      };
    },
    awaited: () => {
      const text = [...waits].at(-1)?.text;
      return typeof text === "function" ? text() : text;
    },
  };
}

/** Runs `work` while the progress tells what is awaited. */
export async function whileAwaiting<T>(
  progress: Progress,
  text: string | (() => string),
  work: () => Promise<T>,
): Promise<T> {
  const end = progress.awaiting(text);
  try {
    return await work();
  } finally {
    end();
  }
}

/** The executable's bundle: its path, or its text where Node and the bundle are one file. */
export type ThreadCode = string | (() => Promise<string>);

export interface Context {
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Uniform in [0, 1). */
  readonly random: () => number;
  /** Resolves after `delayMs` milliseconds; rejects with the signal's reason on abort. */
  readonly sleep: (delayMs: number, signal: AbortSignal) => Promise<void>;
  /** Environment variables; read by `config/` alone. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Name of the user, for the audit log. */
  readonly user: string;
  /** The effective user ID; undefined on systems without file owners (Windows). */
  readonly userId: number | undefined;
  readonly processId: number;
  readonly parentProcessId: number;
  /** False if no process of this machine has the ID. */
  readonly isRunning: (processId: number) => boolean;
  /** The working folder. */
  readonly cwd: string;
  /** The user's home folder. */
  readonly homeDir: string;
  /** `process.platform` and `process.arch`. */
  readonly os: string;
  readonly cpu: string;
  /** Processors that this process may use. */
  readonly processors: number;
  /** The executable's bundle, which threads run; undefined: no threads are started. */
  readonly threadCode: ThreadCode | undefined;
  readonly log: Log;
  readonly progress: Progress;
}
