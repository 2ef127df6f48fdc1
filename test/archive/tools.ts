/** Programs that tests use where they are installed. */
import { spawnSync } from "node:child_process";

/** False where the program cannot be started; the test that needs it is then skipped, by name. */
export function hasTool(program: string): boolean {
  return spawnSync(program, ["--version"], { stdio: "ignore" }).error === undefined;
}
