/** The standalone executable of this machine, made once for the tests of a file. */
import { existsSync, mkdtempSync, readFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { nodeFile, ownPlatform, versions } from "../../scripts/package/nodes.mjs";
import type { Skippable } from "./peers.ts";
import { type Ran, run } from "./run.ts";

const root = resolve(import.meta.dirname, "../..");

export interface Standalone {
  readonly platform: string;
  /** Absolute path of the executable. */
  readonly file: string;
  /** Folder with all that `npm run package` wrote. */
  readonly folder: string;
  /** What `npm run package` printed. */
  readonly output: string;
}

export const packageVersion: string = JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version;

/** `npm run package -- ARGS`, with the home of this user: npm's configuration says where packages come from. */
export function runPackage(args: readonly string[]): Promise<Ran> {
  const { HOME = "" } = process.env;
  return run(process.execPath, [join(root, "scripts/package.mjs"), ...args], { cwd: root, env: { HOME } });
}

/** Skips the test where the Node of a platform's executable is not there. @param platform This machine's by default. */
export function requireStandaloneNode(
  context: Skippable,
  platform = ownPlatform,
): { readonly platform: string; readonly node: string } {
  const version = versions.get(platform ?? "");
  if (platform === undefined || version === undefined) return context.skip("no standalone executable for this machine");
  const node = nodeFile(platform, version);
  return existsSync(node) ? { platform, node } : context.skip("run `npm run pretest` to fetch its Node");
}

let made: Promise<Standalone> | undefined;

async function make(platform: string): Promise<Standalone> {
  // Removed with all that the run has made.
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-standalone-"));
  const ran = await runPackage(["--platform", platform, "--output", folder, "--push", `oci:${folder}/layout:1`]);
  if (ran.exitCode !== 0) throw new Error(`npm run package ended with ${ran.exitCode}: ${ran.stdout}${ran.stderr}`);
  const suffix = platform.startsWith("windows-") ? ".exe" : "";
  return { platform, folder, file: join(folder, `buck2-oras-${platform}${suffix}`), output: ran.stdout };
}

/** Also published, as `oci:FOLDER/layout:1`. */
export async function requireStandalone(context: Skippable): Promise<Standalone> {
  const { platform } = requireStandaloneNode(context);
  made ??= make(platform);
  return await made;
}
