/** Programs that tests use where a machine has them; a test without its program is skipped by name and says why. */
import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { delimiter, join } from "node:path";

/** Absolute path of a program on the PATH or among those that `go install` makes; undefined where there is none. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), join(homedir(), "go", "bin")];
  return folders.map((folder) => join(folder, name)).find((path) => existsSync(path));
}

/** The part of a test context that skips. */
export interface Skippable {
  readonly skip: (note?: string) => never;
}

/** The program's path; without it the test that asks is skipped. */
export function requireProgram(context: Skippable, name: string): string {
  return findProgram(name) ?? context.skip(`${name} is not installed`);
}
