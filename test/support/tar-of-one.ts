/** An archive with a single file. */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

export function gzipTar(name: string, content: string): Buffer {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-test-"));
  try {
    writeFileSync(join(folder, name), content, { mode: 0o755 });
    return execFileSync("tar", ["-czf", "-", "-C", folder, name]);
  } finally {
    rmSync(folder, { recursive: true });
  }
}
