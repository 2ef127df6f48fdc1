/** Bundles the executable from the sources before the tests, so that they never run a stale one. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestProject } from "vitest/node";
import { bundleExecutable } from "../../scripts/bundle.mjs";

declare module "vitest" {
  export interface ProvidedContext {
    /** Absolute path of the bundle. */
    readonly executable: string;
  }
}

export async function setup(project: TestProject): Promise<() => void> {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-bundle-"));
  // Some tests run it as another user.
  chmodSync(folder, 0o755);
  const path = join(folder, "buck2-oras.cjs");
  writeFileSync(path, (await bundleExecutable()).text);
  chmodSync(path, 0o755);
  project.provide("executable", path);
  return () => rmSync(folder, { recursive: true, force: true });
}
