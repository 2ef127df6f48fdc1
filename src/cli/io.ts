/** Interfaces between the command line and its surroundings: `main.ts` passes the real streams, tests pass buffers. */

import type { SettingsOverrides } from "../config/settings.ts";
import type { Run } from "../transfer/run.ts";
import type { Paint } from "./colour.ts";
import type { SharedServices, VerbServices } from "./services.ts";

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width in characters; undefined unless the stream is a terminal. */
  readonly columns?: number | undefined;
}

/** Amount of output on stderr while a command runs. */
export interface Verbosity {
  readonly isVerbose: boolean;
  readonly isQuiet: boolean;
  readonly showsProgress: boolean;
}

/** Arguments of a use case: the services of the process, and the run of one request. */
export interface Session {
  readonly services: VerbServices;
  readonly run: Run;
  /** Bytes and time of the fetches so far; undefined if nothing was fetched, or a line has already told it. */
  readonly cost: () => string | undefined;
}

export interface CliIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Typed or piped input. */
  readonly stdin: NodeJS.ReadStream;
  /** Stream for prompts; stdout holds only the result. */
  readonly terminal: NodeJS.WriteStream;
  /** Colours of text on `stdout`. */
  readonly paint: Paint;
  /** Sets the exit code for a result that reports a problem; a thrown error sets its own exit code. */
  readonly setExitCode: (code: number) => void;
  /** The words that a person types to start this executable. */
  readonly command: string;
  /** The words that start this executable again: absolute paths. */
  readonly launcher: readonly string[];
  /** Runs a program in the foreground; this process then ends as the program ends. */
  readonly runProgram: (path: string, args: readonly string[]) => Promise<void>;
  /** Creates services and a run for one command, calls `work`, and closes the services. */
  readonly withSession: <T>(
    overrides: SettingsOverrides,
    verbosity: Verbosity,
    work: (session: Session) => Promise<T>,
  ) => Promise<T>;
  /**
   * Creates services for many requests, calls `work`, and closes the services.
   *
   * @param write Takes the lines of the log.
   */
  readonly withServices: <T>(
    overrides: SettingsOverrides,
    verbosity: Verbosity,
    write: (text: string) => void,
    work: (shared: SharedServices) => Promise<T>,
  ) => Promise<T>;
}
