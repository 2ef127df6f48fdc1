/** Named pipes, as somebody may put them where a file is expected. */
import { execFileSync } from "node:child_process";
import { findProgram } from "./peers.ts";

/** @param mode As `mkfifo` takes it. */
export function makePipe(path: string, mode = "644"): void {
  const program = findProgram("mkfifo");
  if (program === undefined) throw new Error("mkfifo is not installed");
  execFileSync(program, ["-m", mode, path]);
}
