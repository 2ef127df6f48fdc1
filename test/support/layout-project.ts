/** A working folder with a layout that holds one tool for two platforms, made by the executable itself. */
import { createHash } from "node:crypto";
import { chmodSync, cpSync, mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import type { Ran, RunOptions } from "./run.ts";
import { succeeding } from "./succeeding.ts";

export interface LayoutProject {
  readonly dir: string;
  readonly cacheDir: string;
  /** Runs the executable there, with the project's own cache. */
  readonly oras: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
}

export const linuxTool = "#!/bin/sh\necho tool for linux\n";
export const darwinTool = "#!/bin/sh\necho tool for darwin\n";

export function sha256(bytes: string | Uint8Array): string {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

function writeTools(dir: string): void {
  for (const [platform, text] of [
    ["linux-x86_64", linuxTool],
    ["darwin-arm64", darwinTool],
  ] as const) {
    mkdirSync(join(dir, platform));
    writeFileSync(join(dir, platform, "tool"), text);
    chmodSync(join(dir, platform, "tool"), 0o755);
  }
}

/** Pushed once for each test file; removed with all that the run has made. */
let pushedLayout: Promise<string> | undefined;

async function pushLayout(): Promise<string> {
  const dir = mkdtempSync(join(tmpdir(), "buck2-oras-layout-"));
  writeTools(dir);
  const paths = ["--platform", "linux-x86_64=linux-x86_64/tool", "--platform", "darwin-arm64=darwin-arm64/tool"];
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  await succeeding(oras(["push", "oci:layout:1.0", ...paths], { cwd: dir, env }));
  return join(dir, "layout");
}

export async function layoutProject(): Promise<LayoutProject> {
  const dir = temporaryFolder();
  const cacheDir = join(dir, "cache");
  writeTools(dir);
  pushedLayout ??= pushLayout();
  cpSync(await pushedLayout, join(dir, "layout"), { recursive: true });
  return {
    dir,
    cacheDir,
    oras: (args, options = {}) =>
      oras(args, { cwd: dir, ...options, env: { BUCK2_ORAS_CACHE_DIR: cacheDir, ...options.env } }),
  };
}
