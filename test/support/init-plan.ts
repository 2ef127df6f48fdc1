/** Projects for `init`, and what it plans for them. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { Lock } from "../../src/lockfile/schema.ts";
import { type Plan, planInit } from "../../src/project/plan.ts";
import { temporaryFolder } from "./folders.ts";

export const source = {
  origin: "https://git.example/buck2-oras.git",
  commit: "0123456789abcdef0123456789abcdef01234567",
};
export const minimal = "[cells]\n  root = .\n  prelude = prelude\n  toolchains = toolchains\n";
export const lockOf = (...tools: readonly string[]): Lock => ({
  version: 1,
  tools: Object.fromEntries(
    tools.map((name) => [name, { reference: `ghcr.io/acme/${name}:1`, platforms: {} }] as const),
  ),
});

export function projectOf(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

interface Wanted {
  readonly lock?: Lock;
  readonly cell?: string;
  readonly isStandalone?: boolean;
  readonly source?: typeof source | "none";
}

export async function planOf(root: string, wanted: Wanted = {}): Promise<Plan> {
  const { lock, cell, isStandalone = false, source: own } = wanted;
  return await planInit({
    root,
    isProject: true,
    lock,
    name: cell,
    isStandalone,
    source: own === "none" ? undefined : (own ?? source),
    signal: new AbortController().signal,
  });
}

export function write({ changes }: Plan): void {
  for (const { path, after } of changes) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, after);
  }
}

/** The plan's text of a file; undefined for an unchanged file. */
export function textAfter({ changes }: Plan, name: string): string | undefined {
  return changes.find((change) => change.name === name)?.after;
}
