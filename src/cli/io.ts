/** The parts of a process that the command line needs. `main.ts` gives the real ones, tests give buffers. */

import type { SettingsOverrides } from "../config/settings.ts";
import type { Run } from "../transfer/run.ts";
import type { VerbServices } from "./services.ts";

export interface OutputStream {
  write(text: string): unknown;
  readonly isTTY?: boolean | undefined;
  /** Width in characters; undefined when it is not a terminal. */
  readonly columns?: number | undefined;
}

/** How much is said on stderr while a command runs. */
export interface Verbosity {
  readonly isVerbose: boolean;
  readonly isQuiet: boolean;
  readonly showsProgress: boolean;
}

/** The values that a command works with: those of the process, and those of the one request. */
export interface Session {
  readonly services: VerbServices;
  readonly run: Run;
}

export interface CliIo {
  readonly stdout: OutputStream;
  readonly stderr: OutputStream;
  /** Input that a person types, or a pipe gives. */
  readonly stdin: NodeJS.ReadStream;
  /** Where a prompt is written, so that stdout holds the result alone. */
  readonly terminal: NodeJS.WriteStream;
  /** For a command whose result itself says that something is wrong; an error sets its own. */
  readonly setExitCode: (code: number) => void;
  /** Puts the layers together for one command and takes them apart when `work` is done. */
  readonly withSession: <T>(
    overrides: SettingsOverrides,
    verbosity: Verbosity,
    work: (session: Session) => Promise<T>,
  ) => Promise<T>;
}
