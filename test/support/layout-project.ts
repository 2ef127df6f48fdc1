/** A working folder with a layout that holds one tool for two platforms, made by the executable itself. */
import { createHash } from "node:crypto";
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import type { Ran, RunOptions } from "./run.ts";

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

export async function layoutProject(): Promise<LayoutProject> {
  const dir = temporaryFolder();
  const cacheDir = join(dir, "cache");
  const project: LayoutProject = {
    dir,
    cacheDir,
    oras: (args, options = {}) =>
      oras(args, { cwd: dir, ...options, env: { BUCK2_ORAS_CACHE_DIR: cacheDir, ...options.env } }),
  };
  for (const [platform, text] of [
    ["linux-x86_64", linuxTool],
    ["darwin-arm64", darwinTool],
  ] as const) {
    mkdirSync(join(dir, platform));
    writeFileSync(join(dir, platform, "tool"), text);
    chmodSync(join(dir, platform, "tool"), 0o755);
  }
  const paths = ["--platform", "linux-x86_64=linux-x86_64/tool", "--platform", "darwin-arm64=darwin-arm64/tool"];
  const pushed = await project.oras(["push", "oci:layout:1.0", ...paths]);
  if (pushed.exitCode !== 0) throw new Error(pushed.stderr);
  return project;
}
