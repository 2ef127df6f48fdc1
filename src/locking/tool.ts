/** Creation of a tool's lock entry: all platforms of the reference, down to the digests of the content. */

import { executableHeadBytes, isExecutable } from "../archive/executable.ts";
import { listArchive } from "../archive/list.ts";
import { quoted } from "../archive/refusal.ts";
import { fetchFile } from "../artifact/fetch.ts";
import { type NamedLayer, shapeOf } from "../artifact/layers.ts";
import { keptManifests } from "../artifact/manifests.ts";
import { withDamageRepaired } from "../artifact/repair.ts";
import {
  expandReference,
  type FetchedRoot,
  fetchManifestByDigest,
  fetchPlatformManifest,
  fetchRoot,
} from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ArtifactNotFoundError, ContentVerificationError, OrasClientError } from "../errors.ts";
import { readHead } from "../files/opened-file.ts";
import {
  anyPlatform,
  isLockedPath,
  type LockedLayer,
  type LockedPlatform,
  type LockedTool,
  type LockPlatform,
} from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { annotationKeys, type ImageManifest, platformsOf } from "../model/manifest.ts";
import { type PlatformString, platformStrings } from "../model/platform.ts";
import { formatLocation, isTemplate, type Location, type Reference } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";
import type { TransferServices } from "../transfer/services.ts";
import { executableIn, includeIn } from "./archive-roles.ts";

interface FoundManifest {
  readonly platform: LockPlatform;
  readonly source: Target;
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  readonly location: Location;
}

/** Locks one reference or template. Each blob is fetched once, since a media type does not prove the format. */
export async function lockTool(name: string, text: string, services: Services, run: Run): Promise<LockedTool> {
  return await audited(
    { operation: "lock", reference: text },
    services,
    () => lockPlatforms(name, text, services, run),
    ({ digest }) => ({ digest }),
  );
}

async function lockPlatforms(name: string, text: string, services: Services, run: Run): Promise<LockedTool> {
  const { digest, found } = isTemplate(text)
    ? await findByTemplate(text, services, run)
    : await findByIndex(text, services, run);
  const locked = await inParallel(found, run.signal, async (one, either) => {
    return [one.platform, await lockPlatform(name, one, services, withSignal(run, either))] as const;
  });
  const platforms: Partial<Record<LockPlatform, LockedPlatform>> = Object.fromEntries(locked);
  return { reference: text, digest, platforms };
}

/** Fetches and keeps a root: `lock check --online` reads it again, and some registries count each request. */
async function fetchKeptRoot(reference: Reference, services: Services, run: Run): Promise<FetchedRoot> {
  const fetched = await fetchRoot(reference, services, run);
  await keptManifests.keep(fetched.root, services, run);
  return fetched;
}

async function fetchKeptManifest(source: Target, digest: Digest, services: Services, run: Run): Promise<ImageManifest> {
  const access = { ...keptManifests, fetch: fetchManifestByDigest };
  return await fetchPlatformManifest({ source, digest }, services, run, access);
}

async function findByIndex(
  text: string,
  services: Services,
  run: Run,
): Promise<{ digest: Digest; found: FoundManifest[] }> {
  const { reference } = expandReference(text, undefined, services);
  const { source, root, parsed } = await services.slots.run(() => fetchKeptRoot(reference, services, run));
  const { location } = reference;
  if (parsed.kind === "manifest") {
    return {
      digest: root.digest,
      found: [{ platform: anyPlatform, source, digest: root.digest, manifest: parsed, location }],
    };
  }
  const found = await inParallel([...platformsOf(parsed)], run.signal, async ([platform, { digest }], either) => {
    const manifest = await services.slots.run(() =>
      fetchKeptManifest(source, digest, services, withSignal(run, either)),
    );
    return { platform, source, digest, manifest, location };
  });
  if (found.length === 0) {
    throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `not found: a known platform in the index of ${text}`, {
      hint: `push the tool for one of ${platformStrings.join(", ")}`,
    });
  }
  return { digest: root.digest, found };
}

/** Looks up one tag per platform; missing tags are left out. */
async function findByTemplate(
  text: string,
  services: Services,
  run: Run,
): Promise<{ digest: undefined; found: FoundManifest[] }> {
  const attempts = await inParallel(platformStrings, run.signal, (platform, either) =>
    findForPlatform(text, platform, services, withSignal(run, either)),
  );
  const found = attempts.filter((attempt) => attempt !== undefined);
  if (found.length === 0) {
    throw new ArtifactNotFoundError(
      "ARTIFACT_NOT_FOUND",
      `not found: ${text} for any of ${platformStrings.join(", ")}`,
      {
        hint: "check the tags with `buck2-oras list`",
      },
    );
  }
  return { digest: undefined, found };
}

async function findForPlatform(
  text: string,
  platform: PlatformString,
  services: Services,
  run: Run,
): Promise<FoundManifest | undefined> {
  const { reference } = expandReference(text, platform, services);
  try {
    const { source, root, parsed } = await services.slots.run(() => fetchKeptRoot(reference, services, run));
    const { location } = reference;
    if (parsed.kind === "manifest") return { platform, source, digest: root.digest, manifest: parsed, location };
    const digest = platformsOf(parsed).get(platform)?.digest;
    if (digest === undefined) return undefined;
    const manifest = await services.slots.run(() => fetchKeptManifest(source, digest, services, run));
    return { platform, source, digest, manifest, location };
  } catch (error) {
    if (error instanceof OrasClientError && error.code === "ARTIFACT_NOT_FOUND") return undefined;
    throw error;
  }
}

async function lockPlatform(name: string, found: FoundManifest, services: Services, run: Run): Promise<LockedPlatform> {
  const { source, manifest, location } = found;
  const shape = shapeOf(manifest, location);
  const layers = shape.kind === "file" ? [shape.layer] : shape.layers;
  const locked = await inParallel(layers, run.signal, (layer, either) =>
    services.limitOpen(() =>
      withDamageRepaired(services, (some) =>
        lockLayer(layer, { name, manifest, source }, some, withSignal(run, either)),
      ),
    ),
  );
  return {
    manifest: found.digest,
    repository: formatLocation(location),
    layers: withExecutableAmongFiles(name, locked),
  };
}

/** The tool and the manifest of a layer. */
interface LayerOwner {
  readonly name: string;
  readonly manifest: ImageManifest;
  readonly source: Target;
}

async function lockLayer(
  layer: NamedLayer,
  { name, manifest, source }: LayerOwner,
  services: TransferServices,
  run: Run,
): Promise<LockedLayer> {
  const file = await fetchFile(source, layer, services, run);
  const locked = {
    digest: layer.descriptor.digest,
    size: layer.descriptor.size,
    mediaType: layer.descriptor.mediaType,
    title: file.title,
    format: file.format,
    contentDigest: file.digest,
  };
  if (file.format === "raw" || file.format === "gzip" || file.format === "zstd") {
    const head = await services.store.read(file.digest, run.signal, (opened) => readHead(opened, executableHeadBytes));
    return withSafePaths({ ...locked, executable: isExecutable(head) ? file.title : false }, source);
  }
  const entries = await services.store.read(file.digest, run.signal, (opened) =>
    listArchive(opened, { signal: run.signal }),
  );
  const { annotations } = layer.descriptor;
  const executable = annotations[annotationKeys.executable] ?? manifest.annotations[annotationKeys.executable];
  const roles = {
    executable: executable ?? executableIn(entries, name),
    include: includeIn(entries),
    unpackInto: layer.isFolder ? layer.title : undefined,
  };
  return withSafePaths({ ...locked, ...roles }, source);
}

/**
 * Refuses unsafe paths, which a publisher may write into annotations and archives: a lock with an unsafe path is
 * refused when read.
 */
function withSafePaths(layer: LockedLayer, { name }: Target): LockedLayer {
  const paths = [layer.title, layer.executable, layer.include, layer.unpackInto];
  const unsafe = paths.filter((path) => typeof path === "string").find((path) => !isLockedPath(path));
  if (unsafe === undefined) return layer;
  throw new ContentVerificationError("ARCHIVE_UNSAFE", `${name} names a file ${quoted(unsafe)}`, {
    hint: "tell the publisher that a name must be a plain relative path; nothing was locked",
  });
}

/** Marks the file with the tool's name as executable, if none of several files has an executable's bytes. */
function withExecutableAmongFiles(name: string, layers: LockedLayer[]): LockedLayer[] {
  if (layers.length === 1 || layers.some(({ executable }) => typeof executable === "string")) return layers;
  return layers.map((layer) => {
    const file = layer.title.split("/").at(-1);
    return file === name || file === `${name}.exe` ? { ...layer, executable: layer.title } : layer;
  });
}
