/** Runs the bundled executable. */
import { inject } from "vitest";
import { type Ran, type RunOptions, run } from "./run.ts";

/** `buck2-oras ARGS`, from the sources as they are now. */
export function oras(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  return run(options.node ?? process.execPath, [inject("executable"), ...args], options);
}
