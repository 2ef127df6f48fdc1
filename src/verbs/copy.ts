/** `copy`: copies an artifact with its platforms and referrers, or every artifact of a lock. */

import { type NamingServices, readNamed, readReference, readTarget } from "../artifact/naming.ts";
import { fetchManifestByDigest, fetchRoot } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ArtifactNotFoundError, ConfigurationError, UsageError } from "../errors.ts";
import { readLock } from "../lockfile/file.ts";
import { lockFileName } from "../lockfile/name.ts";
import { anyPlatform, type LockedTool } from "../lockfile/schema.ts";
import { layoutsOfLock, openingFromLock } from "../locking/layouts.ts";
import { checkManifests, checkOrigins } from "../locking/origins.ts";
import type { Digest } from "../model/digest.ts";
import type { Location } from "../model/location.ts";
import { formatReference } from "../model/reference.ts";
import { refuseScheme } from "../model/reference-errors.ts";
import { parseRepositoryPrefix } from "../model/repository-prefix.ts";
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
  /** Manifest that the destination's tag meant before; undefined for a new or unchanged tag. */
  readonly replaced: Digest | undefined;
}

export interface CopyResult extends CopyCounts {
  readonly artifacts: readonly CopiedArtifact[];
}

/** @throws {UsageError} for a destination with a digest */
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
    throw new UsageError(
      "REFERENCE_INVALID",
      `${formatReference(to)} names a digest, but a copy keeps the digest of its source`,
      {
        hint: "write HOST/REPOSITORY:TAG or oci:DIR:TAG, or leave out the tag to use the source's tag",
      },
    );
  }
  // A source with a digest alone is copied without a tag, unless the destination names a tag.
  const tag = to.tag ?? from.tag ?? (from.digest === undefined ? "latest" : undefined);
  // Opened before the first request, so that an invalid destination is reported first.
  const target = services.open(to.location);
  const { source, root } = await fetchRoot(from, services, run);
  const graph = new GraphCopy({ source, target, withReferrers: request.withReferrers }, services, run);
  const replaced = await graph.copyRoot(root, tag);
  const destination = formatReference({ ...to, tag, digest: tag === undefined ? root.digest : undefined });
  return {
    ...graph.counts,
    artifacts: [{ source: formatReference(from), destination, digest: root.digest, replaced }],
  };
}

export interface CopyLockRequest {
  readonly lockFile: string;
  /** Layout folder, or prefix of a mirror, to read from; undefined: the locations in the lock. */
  readonly source: string | undefined;
  /** Layout folder, or prefix below which each repository keeps its path. */
  readonly destination: string;
  readonly withReferrers: boolean;
}

/** Maps a location of the lock to a layout folder, or to a repository below a prefix. */
type Place = (location: Location) => Location;

function placeOf(text: string, services: Pick<Services, "noteNamed">): Place {
  refuseScheme(text);
  if (text.startsWith("oci:")) {
    const path = text.slice("oci:".length);
    return () => ({ kind: "layout", path });
  }
  const prefix = parseRepositoryPrefix(text);
  services.noteNamed(prefix.registry);
  return (location) => {
    if (location.kind === "layout") {
      throw new UsageError(
        "USAGE_INVALID",
        `oci:${location.path} is a layout folder, and has no repository path below ${text}`,
        {
          hint: "copy a layout folder to another layout folder: oci:DIR",
        },
      );
    }
    const repository = [prefix.repository, location.repository].filter((part) => part !== "").join("/");
    return { kind: "registry", registry: prefix.registry, repository };
  };
}

/**
 * Copies every tool of a lock by its digests: the index if the lock has an index, else each platform's manifest. The
 * lock stays unchanged, since a mirror in the configuration is asked by digest.
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

/** The line to write: a word that is no path of a lock was meant as the first place. */
function lineOfLock({ lockFile, source, destination }: CopyLockRequest): string {
  const places = [
    ...(lockFile.endsWith(".json") ? [] : [lockFile]),
    ...(source === undefined ? [] : [source]),
    destination,
  ];
  return `buck2-oras copy --lock ${lockFileName} ${places.slice(-2).join(" ")}`;
}

async function copyTools(request: CopyLockRequest, services: Services, run: Run): Promise<CopyResult> {
  const lock = await readLock(request.lockFile);
  if (lock === undefined) {
    throw new ConfigurationError("LOCK_INVALID", `lock file not found: ${request.lockFile}`, {
      hint: `name the file after --lock, which takes the next word: \`${lineOfLock(request)}\``,
    });
  }
  checkOrigins(request.lockFile, lock, services);
  const from = request.source === undefined ? undefined : placeOf(request.source, services);
  const to = placeOf(request.destination, services);
  const total = noCounts();
  const artifacts: CopiedArtifact[] = [];
  // All locations are opened before the first request, so that an invalid location is reported first.
  const openLocked = openingFromLock(await layoutsOfLock(request.lockFile, services), services.open);
  // The locations in the lock are read only without `source`.
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
  // The copy itself reports missing manifests.
  await checkManifests({ file: request.lockFile, lock }, { open, isNeeded: () => false }, services, run);
  const copyRootOf = async ({ name, source, target, digest, tag }: OpenedRoot): Promise<void> => {
    const root = await fetchManifestByDigest(source, digest, services, run);
    const ownTag = target.name.startsWith("oci:") ? `${name}-${tag}` : tag;
    const graph = new GraphCopy({ source, target, withReferrers: request.withReferrers }, services, run);
    const replaced = await graph.copyRoot(root, ownTag);
    for (const key of Object.keys(total) as (keyof CopyCounts)[]) total[key] += graph.counts[key];
    artifacts.push({ source: `${source.name}@${digest}`, destination: `${target.name}@${digest}`, digest, replaced });
  };
  for (const root of roots) {
    try {
      await copyRootOf(root);
    } catch (error) {
      // A new platform replaces the index, and the registry may delete the old index. Builds need only the manifests
      // of the platforms.
      if (!(error instanceof ArtifactNotFoundError) || root.parts.length === 0) throw error;
      services.context.log.warn(`${error.message}: the platforms are copied one by one`);
      for (const part of root.parts) await copyRootOf({ ...root, ...part, parts: [] });
    }
  }
  return { ...total, artifacts };
}

interface LockedPart {
  readonly digest: Digest;
  /** Tag in the target, so that the target does not delete the manifest as unused. */
  readonly tag: string;
}

interface LockedRoot extends LockedPart {
  readonly location: Location;
  /** Manifests of the platforms; empty unless the root is an index. */
  readonly parts: readonly LockedPart[];
}

interface OpenedRoot extends LockedRoot {
  /** The tool's name. */
  readonly name: string;
  readonly source: Target;
  readonly target: Target;
}

function rootsOf(name: string, tool: LockedTool, services: NamingServices): readonly LockedRoot[] {
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
