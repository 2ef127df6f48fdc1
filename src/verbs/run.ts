/** `run` and `which`: a locked tool as a program of this machine. */

import { readReference } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ArtifactNotFoundError } from "../errors.ts";
import { anyPlatform, toolOf } from "../lockfile/schema.ts";
import { checkNames, readExisting } from "../locking/existing.ts";
import { findLockFile } from "../locking/find.ts";
import { layoutsOfLock, openingFromLock } from "../locking/layouts.ts";
import { checkLockOwners } from "../locking/owners.ts";
import type { Digest } from "../model/digest.ts";
import { platformFromNode } from "../model/platform.ts";
import { installTool } from "../tools/install.ts";
import type { Run } from "../transfer/run.ts";

export interface ProgramRequest {
  /** Undefined: the project's lock. */
  readonly lock: string | undefined;
  /** A shim's word: users whom the lock may belong to. Undefined: a lock that the user names is not checked. */
  readonly lockOwners?: readonly number[] | undefined;
  /** Name in the lock. */
  readonly tool: string;
}

export interface ToolProgram {
  readonly tool: string;
  /** Absolute path. */
  readonly path: string;
  /** Digest of the program itself. */
  readonly digest: Digest;
}

/**
 * The tool's program, verified; a tool that is not installed is fetched.
 *
 * @throws {ArtifactNotFoundError} `PLATFORM_NOT_FOUND`
 */
export async function findToolProgram(
  { lock, lockOwners, tool }: ProgramRequest,
  services: Services,
  run: Run,
): Promise<ToolProgram> {
  const file = lock ?? findLockFile(services);
  const { context } = services;
  const entries = await readExisting(file);
  if (lockOwners !== undefined) await checkLockOwners(file, lockOwners, context);
  checkNames([tool], entries, file);
  const locked = toolOf(entries, tool);
  const own = platformFromNode(context.os, context.cpu);
  const platform = locked?.platforms[own] ?? locked?.platforms[anyPlatform];
  if (locked === undefined || platform === undefined) {
    const known = Object.keys(locked?.platforms ?? {}).join(", ");
    throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `not found: ${tool} for ${own} in ${file}`, {
      hint: `push the tool for ${own} and run \`buck2-oras lock update ${tool}\`; the lock has ${known}`,
    });
  }
  const open = openingFromLock(await layoutsOfLock(file, services), services.open);
  const source = open(readReference(platform.repository, services).location);
  const { path, digest } = await audited(
    { operation: "run", reference: locked.reference },
    services,
    () => installTool({ name: tool, platform, source }, { ...services, open }, run),
    (installed) => ({ digest: installed.digest }),
  );
  return { tool, path, digest };
}
