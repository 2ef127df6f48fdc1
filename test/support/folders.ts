/** Temporary folders that a test leaves behind nothing of. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { whenTestEnds } from "./test-end.ts";

/** A new empty folder, removed when the test ends. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-test-"));
  whenTestEnds(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Below what is no folder: nobody, root neither, can make it or find anything in it. */
export const impossibleFolder = "/dev/null/none";
