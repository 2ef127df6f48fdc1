/** `shim` and `env`: the locked tools by their names, for shells. */

import { createHash } from "node:crypto";
import { join, resolve } from "node:path";
import { checkOutputFolder } from "../artifact/output.ts";
import type { Services } from "../artifact/services.ts";
import { usersShell } from "../config/path-commands.ts";
import { sharedBecause } from "../files/ownership.ts";
import { checkNames, readExisting } from "../locking/existing.ts";
import { findLockFile } from "../locking/find.ts";
import { lockOwners } from "../locking/owners.ts";
import { checkProgramFolder } from "../locking/project.ts";
import { openToolsFolder } from "../tools/install.ts";
import { checkShell, defaultShell, type Shell, shellLines } from "../tools/shell-lines.ts";
import { lastingLauncher, type ShimFolder, writeShims } from "../tools/shim-folder.ts";
import type { Launcher } from "../tools/shim-text.ts";

export interface ShimRequest {
  /** Undefined: the project's lock. */
  readonly lock: string | undefined;
  /** Tools that get a shim, and may hide programs of the PATH; empty: all tools. */
  readonly names: readonly string[];
  /** True: all shims may hide programs of the PATH. */
  readonly mayHide: boolean;
  readonly launcher: Launcher;
}

export type ShimResult = ShimFolder & {
  /** Absolute paths. */
  readonly folder: string;
  readonly lock: string;
};

type ShimServices = Pick<Services, "context">;

/** Writes shims into a folder of the user. Nothing is fetched. */
export async function shimInto(
  folder: string,
  request: ShimRequest,
  services: Pick<Services, "context" | "settings">,
): Promise<ShimResult> {
  const path = checkOutputFolder(folder, services.context);
  const lock = request.lock ?? findLockFile(services);
  await checkProgramFolder(path, lock, services);
  const result = await writeInto(path, { ...request, lock }, services);
  const why = await sharedBecause(path, services.context.userId);
  if (why !== undefined) services.context.log.warn(`other users could replace the shims: ${why}`);
  return result;
}

export interface EnvResult extends ShimResult {
  readonly shell: Shell;
  /** Lines for the shell to evaluate. */
  readonly lines: readonly string[];
}

/** Writes shims into a folder of buck2-oras, one for each lock, and gives the lines that put the folder on the PATH. */
export async function shellEnvironment(
  shell: Shell | undefined,
  request: ShimRequest,
  services: ShimServices,
): Promise<EnvResult> {
  const { context } = services;
  const file = resolve(context.cwd, request.lock ?? findLockFile(services));
  const name = createHash("sha256").update(file).digest("hex").slice(0, 16);
  const folder = join(await openToolsFolder(context), "shims", name);
  const chosen = shell ?? defaultShell(await usersShell(context), context);
  checkShell(chosen, context);
  const lines = shellLines(chosen, folder, file);
  return { ...(await writeInto(folder, { ...request, lock: file }, services)), shell: chosen, lines };
}

async function writeInto(
  folder: string,
  request: ShimRequest & { readonly lock: string },
  services: ShimServices,
): Promise<ShimResult> {
  const { context } = services;
  const { lock: file, names, mayHide } = request;
  const entries = await readExisting(file);
  checkNames(names, entries, file);
  const locked = Object.keys(entries.tools);
  const tools = names.length === 0 ? locked : names;
  const lock = resolve(context.cwd, file);
  const launcher = await lastingLauncher(request.launcher, () => openToolsFolder(context));
  const call = { launcher, lockOwners: await lockOwners(lock, context) };
  const shims = { folder, lock, tools, locked, call, mayHide: mayHide || names.length > 0 };
  return { ...(await writeShims(shims, context)), folder, lock };
}
