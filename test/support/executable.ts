/** Runs the bundled executable, or the standalone one that `BUCK2_ORAS_EXECUTABLE` names. */
import { inject } from "vitest";
import { posixWord } from "../../src/tools/quoting.ts";
import { type Ran, type RunOptions, run } from "./run.ts";

/**
 * Words that start the executable.
 *
 * @param node Node that runs the bundle; without it, a standalone executable of the environment comes first.
 */
export function orasCommand(node?: string): readonly [string, ...string[]] {
  const standalone = process.env.BUCK2_ORAS_EXECUTABLE;
  if (node === undefined && standalone !== undefined) return [standalone];
  return [node ?? process.execPath, inject("executable")];
}

/** The same words for a line of a POSIX shell. */
export function orasWords(): string {
  return orasCommand().map(posixWord).join(" ");
}

/** `buck2-oras ARGS`, from the sources as they are now. */
export function oras(args: readonly string[], options: RunOptions = {}): Promise<Ran> {
  // Node's own options, such as a file that Node loads first, are none of a standalone executable.
  const node = options.node ?? (options.env?.NODE_OPTIONS === undefined ? undefined : process.execPath);
  const [program, ...words] = orasCommand(node);
  return run(program, [...words, ...args], options);
}
