/** For the steps that a test takes to get where it begins. */
import type { Ran } from "./run.ts";

/** @throws what the program said, unless it succeeded */
export async function succeeding<T extends Ran>(running: Promise<T>): Promise<T> {
  const ran = await running;
  if (ran.exitCode !== 0) throw new Error(`exit code ${ran.exitCode}:\n${ran.stdout}${ran.stderr}`);
  return ran;
}
