/** `copy`: an artifact with all its platforms and what refers to it, between registries and layout folders; or all that a lock names. */

import { readNamed, readReference, readTarget } from "../artifact/naming.ts";
import { fetchManifestByDigest, fetchRoot } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ArtifactNotFoundError, ConfigurationError, UsageError } from "../errors.ts";
import { readLock } from "../lockfile/file.ts";
import { anyPlatform, type LockedTool } from "../lockfile/schema.ts";
import { layoutsOfLock, openingFromLock } from "../locking/layouts.ts";
import { checkManifests, checkOrigins } from "../locking/origins.ts";
import type { Digest } from "../model/digest.ts";
import { formatReference, type Location, parseRepositoryPrefix, refuseScheme } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { type CopyCounts, GraphCopy, noCounts } from "../publish/copy-graph.ts";
import type { Run } from "../transfer/run.ts";

export interface CopyRequest {
  readonly source: string;
  readonly destination: string;
  readonly withReferrers: boolean;
}

export interface CopiedArtifact {
  readonly source: string;
  readonly destination: string;
  readonly digest: Digest;
}

export interface CopyResult extends CopyCounts {
  readonly artifacts: readonly CopiedArtifact[];
}

/** @throws {UsageError} a destination with a digest of its own */
export async function copy(request: CopyRequest, services: Services, run: Run): Promise<CopyResult> {
  const factsOf = ({ artifacts, bytesSent }: CopyResult) => ({ digest: artifacts[0]?.digest, size: bytesSent });
  return await audited(
    { operation: "copy", reference: `${request.source} ${request.destination}` },
    services,
    () => copyOne(request, services, run),
    factsOf,
  );
}

async function copyOne(request: CopyRequest, services: Services, run: Run): Promise<CopyResult> {
  const from = readNamed(request.source, services);
  const to = readTarget(request.destination, services);
  if (to.digest !== undefined) {
    throw new UsageError("REFERENCE_INVALID", `${formatReference(to)} names a digest, which a copy has of its own`, {
      hint: "write HOST/REPOSITORY:TAG or oci:DIR:TAG, or leave the tag out to take over the source's",
    });
  }
  // A source that is pinned by its digest is copied without a tag unless one is asked for.
  const tag = to.tag ?? from.tag ?? (from.digest === undefined ? "latest" : undefined);
  // Before the first request, so that what is wrong with the destination is said first.
  const target = services.open(to.location);
  const { source, root } = await fetchRoot(from, services, run);
  const graph = new GraphCopy({ source, target, withReferrers: request.withReferrers }, services, run);
  await graph.copyRoot(root, tag);
  const destination = formatReference({ ...to, tag, digest: tag === undefined ? root.digest : undefined });
  return { ...graph.counts, artifacts: [{ source: formatReference(from), destination, digest: root.digest }] };
}

export interface CopyLockRequest {
  readonly lockFile: string;
  /** Undefined: where the lock says. A layout folder, or the prefix of a mirror. */
  readonly source: string | undefined;
  /** A layout folder, or a prefix below which each repository keeps its path. */
  readonly destination: string;
  readonly withReferrers: boolean;
}

/** A folder, or a prefix that repositories are put below. */
type Place = (location: Location) => Location;

function placeOf(text: string, services: Services): Place {
  refuseScheme(text);
  if (text.startsWith("oci:")) {
    const path = text.slice("oci:".length);
    return () => ({ kind: "layout", path });
  }
  const prefix = parseRepositoryPrefix(text);
  services.noteNamed(prefix.registry);
  return (location) => {
    if (location.kind === "layout") {
      throw new UsageError("USAGE_INVALID", `oci:${location.path} is a folder, and has no path below ${text}`, {
        hint: "copy what is locked in a folder to another folder: oci:DIR",
      });
    }
    const repository = [prefix.repository, location.repository].filter((part) => part !== "").join("/");
    return { kind: "registry", registry: prefix.registry, repository };
  };
}

/**
 * Copies every tool of a lock by the digests in it: the index where the lock has one, else each platform's manifest. The lock stays
 * as it is, since a mirror in the configuration is asked by digest.
 */
export async function copyLock(request: CopyLockRequest, services: Services, run: Run): Promise<CopyResult> {
  const factsOf = ({ bytesSent }: CopyResult) => ({ size: bytesSent });
  const text = `${request.lockFile} ${request.destination}`;
  return await audited(
    { operation: "copy", reference: text },
    services,
    () => copyTools(request, services, run),
    factsOf,
  );
}

async function copyTools(request: CopyLockRequest, services: Services, run: Run): Promise<CopyResult> {
  const lock = await readLock(request.lockFile);
  if (lock === undefined) {
    throw new ConfigurationError("LOCK_INVALID", `lock file not found: ${request.lockFile}`, {
      hint: "name it: `copy --lock FILE DESTINATION`",
    });
  }
  checkOrigins(request.lockFile, lock, services);
  const from = request.source === undefined ? undefined : placeOf(request.source, services);
  const to = placeOf(request.destination, services);
  const total = noCounts();
  const artifacts: CopiedArtifact[] = [];
  // All are opened before the first request, so that what is wrong with any of them is said first.
  const openLocked = openingFromLock(await layoutsOfLock(request.lockFile, services), services.open);
  // Where the lock says is read only when nothing else is named.
  const open = (location: Location): Target =>
    from === undefined ? openLocked(location) : services.open(from(location));
  const roots = Object.entries(lock.tools).flatMap(([name, tool]) =>
    rootsOf(name, tool, services).map((root) => ({
      ...root,
      name,
      source: open(root.location),
      target: services.open(to(root.location)),
    })),
  );
  // What is not there, the copy says itself.
  await checkManifests({ file: request.lockFile, lock }, { open, isNeeded: () => false }, services, run);
  const copyRootOf = async ({ name, source, target, digest, tag }: OpenedRoot): Promise<void> => {
    const root = await fetchManifestByDigest(source, digest, services, run);
    const ownTag = target.name.startsWith("oci:") ? `${name}-${tag}` : tag;
    const graph = new GraphCopy({ source, target, withReferrers: request.withReferrers }, services, run);
    await graph.copyRoot(root, ownTag);
    for (const key of Object.keys(total) as (keyof CopyCounts)[]) total[key] += graph.counts[key];
    artifacts.push({ source: `${source.name}@${digest}`, destination: `${target.name}@${digest}`, digest });
  };
  for (const root of roots) {
    try {
      await copyRootOf(root);
    } catch (error) {
      // An index is replaced when a platform is added, and the old one collected; what is built with is its parts.
      if (!(error instanceof ArtifactNotFoundError) || root.parts.length === 0) throw error;
      services.context.log.warn(`${error.message}: its platforms are copied one by one`);
      for (const part of root.parts) await copyRootOf({ ...root, ...part, parts: [] });
    }
  }
  return { ...total, artifacts };
}

interface LockedPart {
  readonly digest: Digest;
  /** So that nothing there is thrown away as unused. */
  readonly tag: string;
}

interface LockedRoot extends LockedPart {
  readonly location: Location;
  /** Manifests of the platforms, where the root is an index. */
  readonly parts: readonly LockedPart[];
}

interface OpenedRoot extends LockedRoot {
  /** The tool's name. */
  readonly name: string;
  readonly source: Target;
  readonly target: Target;
}

function rootsOf(name: string, tool: LockedTool, services: Services): readonly LockedRoot[] {
  const roots: LockedRoot[] = [];
  for (const [platform, { repository, manifest }] of Object.entries(tool.platforms)) {
    const { location } = readReference(repository, services);
    if (tool.digest !== undefined) {
      const { tag } = readReference(tool.reference.replaceAll("{platform}", platform), services);
      const parts = Object.entries(tool.platforms).map(([one, { manifest: digest }]) => ({
        digest,
        tag: `${tag ?? name}-${one}`,
      }));
      const isIndex = parts.some(({ digest }) => digest !== tool.digest);
      return [{ location, digest: tool.digest, tag: tag ?? name, parts: isIndex ? parts : [] }];
    }
    roots.push({
      location,
      digest: manifest,
      tag: platform === anyPlatform ? name : `${name}-${platform}`,
      parts: [],
    });
  }
  return roots;
}
