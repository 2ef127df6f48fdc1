/** `lock list`, and `list` without a repository: the locked tools, without any request. */

import type { Services } from "../artifact/services.ts";
import { OrasClientError } from "../errors.ts";
import { readLock } from "../lockfile/file.ts";
import { anyPlatform, type LockedLayer, type LockedPlatform, type LockedTool } from "../lockfile/schema.ts";
import { readExisting } from "../locking/existing.ts";
import { versionIn } from "../locking/version-in.ts";
import { type PlatformString, platformFromNode } from "../model/platform.ts";

export interface ListedTool {
  readonly tool: string;
  readonly reference: string;
  /** Tag of the reference without `{platform}`, or its digest; `latest` without either. */
  readonly version: string;
  /** Platform strings, or `any`. */
  readonly platforms: readonly string[];
  /** Bytes to fetch for this machine's platform; undefined for a tool without this platform. */
  readonly size: number | undefined;
  /** True if this machine's files are cached; undefined for a tool without this machine's platform. */
  readonly cached: boolean | undefined;
}

type ListServices = Pick<Services, "context" | "store">;

export interface ListRequest {
  /** Path of the lock. */
  readonly file: string;
  /** True for a file that the user names: only the project's own lock may be missing. */
  readonly isNamed: boolean;
}

/**
 * @returns Tools in the order of the lock; empty for a project without a lock
 * @throws {ConfigurationError} `LOCK_INVALID`, also for a named file that is missing
 */
export async function listLocked(
  { file, isNamed }: ListRequest,
  services: ListServices,
): Promise<readonly ListedTool[]> {
  const lock = isNamed ? await readExisting(file) : await readLock(file);
  const tools = Object.entries(lock?.tools ?? {});
  const platform = ownPlatform(services);
  return await Promise.all(tools.map(([name, tool]) => listTool(name, tool, platform, services)));
}

/** @returns Empty for a missing lock. @throws {ConfigurationError} `LOCK_INVALID` */
export async function lockedNames(file: string): Promise<readonly string[]> {
  return Object.keys((await readLock(file))?.tools ?? {});
}

/** Undefined for a machine outside the platform table: such a machine has no tool, and may look at the lock. */
function ownPlatform({ context }: ListServices): PlatformString | undefined {
  try {
    return platformFromNode(context.os, context.cpu);
  } catch (error) {
    if (error instanceof OrasClientError && error.code === "PLATFORM_UNKNOWN") return undefined;
    throw error;
  }
}

async function listTool(
  tool: string,
  { reference, platforms }: LockedTool,
  platform: PlatformString | undefined,
  services: ListServices,
): Promise<ListedTool> {
  const own = (platform === undefined ? undefined : platforms[platform]) ?? platforms[anyPlatform];
  return {
    tool,
    reference,
    version: versionIn(reference),
    platforms: Object.keys(platforms).sort(),
    size: own?.layers.reduce((sum, { size }) => sum + size, 0),
    cached: own === undefined ? undefined : await isCached(own, services),
  };
}

async function isCached({ layers }: LockedPlatform, services: ListServices): Promise<boolean> {
  const found = await Promise.all(layers.map((layer) => isLayerCached(layer, services)));
  return !found.includes(false);
}

/** A build of a compressed file leaves the blob or the content, so that either is enough. */
async function isLayerCached({ digest, contentDigest }: LockedLayer, { store }: ListServices): Promise<boolean> {
  // A damaged entry is fetched again.
  const find = async (one: LockedLayer["digest"]) => await store.find(one).catch(() => undefined);
  return (await find(digest)) !== undefined || (await find(contentDigest)) !== undefined;
}
