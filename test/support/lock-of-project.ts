/** The lock of a project, and what writers leave beside it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { LayoutProject } from "./layout-project.ts";
import { succeeding } from "./succeeding.ts";

export const lockName = "oras.lock.json";
export const claimName = `.${lockName}.lock`;

export function lockOf(project: LayoutProject, name = lockName): { tools: Record<string, { reference: string }> } {
  return JSON.parse(readFileSync(join(project.dir, name), "utf8"));
}

export function toolsOf(project: LayoutProject): string[] {
  return Object.keys(lockOf(project).tools).sort();
}

/** Names of what is left beside the lock that has its name in it. */
export function leftovers(project: LayoutProject): string[] {
  return readdirSync(project.dir).filter((name) => name !== lockName && name.includes(lockName));
}

export function add(project: LayoutProject, name: string, tag = "1.0"): Promise<unknown> {
  return succeeding(project.oras(["lock", "add", name, `oci:layout:${tag}`]));
}
