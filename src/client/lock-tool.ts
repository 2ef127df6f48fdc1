/** What the lock says of one tool: every platform that its reference has, down to the digests of the content. */
import { listArchive } from "../archive/list.ts";
import { ArtifactNotFoundError, OrasClientError } from "../errors.ts";
import {
  anyPlatform,
  type LockedLayer,
  type LockedPlatform,
  type LockedTool,
  type LockPlatform,
} from "../lock/schema.ts";
import type { Digest } from "../model/digest.ts";
import { type Annotations, annotationKeys, type ImageManifest, platformsOf } from "../model/manifest.ts";
import { type PlatformString, platformStrings } from "../model/platform.ts";
import { formatLocation, isTemplate, type Location } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { executableIn, includeIn } from "./archive-roles.ts";
import { audited } from "./audit.ts";
import type { ClientDeps } from "./deps.ts";
import { fetchFile } from "./fetch.ts";
import { type NamedLayer, shapeOf } from "./layers.ts";
import { inParallel } from "./parallel.ts";
import { withDamageRepaired } from "./repair.ts";
import { expandReference, fetchPlatformManifest, fetchRoot } from "./resolve.ts";

interface FoundManifest {
  readonly platform: LockPlatform;
  readonly source: Target;
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  readonly location: Location;
}

/** Locks one reference or template; fetches each blob once, since a media type does not tell what is in it. */
export async function lockTool(name: string, text: string, deps: ClientDeps, signal: AbortSignal): Promise<LockedTool> {
  return await audited(
    "lock",
    text,
    deps,
    () => lockPlatforms(name, text, deps, signal),
    ({ digest }) => ({ digest }),
  );
}

async function lockPlatforms(name: string, text: string, deps: ClientDeps, signal: AbortSignal): Promise<LockedTool> {
  const { digest, found } = isTemplate(text)
    ? await findByTemplate(text, deps, signal)
    : await findByIndex(text, deps, signal);
  const locked = await inParallel(found, signal, async (one, either) => {
    return [one.platform, await lockPlatform(name, one, deps, either)] as const;
  });
  const platforms: Partial<Record<LockPlatform, LockedPlatform>> = Object.fromEntries(locked);
  return { reference: text, digest, platforms };
}

async function findByIndex(
  text: string,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<{ digest: Digest; found: FoundManifest[] }> {
  const { reference } = expandReference(text, undefined, deps);
  const { source, root, parsed } = await deps.limitTransfers(() => fetchRoot(reference, deps, signal));
  const { location } = reference;
  if (parsed.kind === "manifest") {
    return {
      digest: root.digest,
      found: [{ platform: anyPlatform, source, digest: root.digest, manifest: parsed, location }],
    };
  }
  const found = await inParallel([...platformsOf(parsed)], signal, async ([platform, { digest }], either) => {
    const manifest = await deps.limitTransfers(() => fetchPlatformManifest(source, digest, deps, either));
    return { platform, source, digest, manifest, location };
  });
  if (found.length === 0) {
    throw new ArtifactNotFoundError("PLATFORM_NOT_FOUND", `a known platform was not found in the index of ${text}`, {
      hint: `push it for one of ${platformStrings.join(", ")}`,
    });
  }
  return { digest: root.digest, found };
}

/** One tag per platform; those that do not exist are left out. */
async function findByTemplate(
  text: string,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<{ digest: undefined; found: FoundManifest[] }> {
  const attempts = await inParallel(platformStrings, signal, (platform, either) =>
    findForPlatform(text, platform, deps, either),
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
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<FoundManifest | undefined> {
  const { reference } = expandReference(text, platform, deps);
  try {
    const { source, root, parsed } = await deps.limitTransfers(() => fetchRoot(reference, deps, signal));
    const { location } = reference;
    if (parsed.kind === "manifest") return { platform, source, digest: root.digest, manifest: parsed, location };
    const digest = platformsOf(parsed).get(platform)?.digest;
    if (digest === undefined) return undefined;
    const manifest = await deps.limitTransfers(() => fetchPlatformManifest(source, digest, deps, signal));
    return { platform, source, digest, manifest, location };
  } catch (error) {
    if (error instanceof OrasClientError && error.code === "ARTIFACT_NOT_FOUND") return undefined;
    throw error;
  }
}

async function lockPlatform(
  name: string,
  found: FoundManifest,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<LockedPlatform> {
  const { source, manifest, location } = found;
  const shape = shapeOf(manifest, location);
  const layers = shape.kind === "file" ? [shape.layer] : shape.layers;
  const locked = await inParallel(layers, signal, (layer, either) =>
    deps.limitOpen(() =>
      withDamageRepaired(deps, () => lockLayer(name, layer, manifest.annotations, source, deps, either)),
    ),
  );
  return {
    manifest: found.digest,
    repository: formatLocation(location),
    layers: withExecutableAmongFiles(name, locked),
  };
}

async function lockLayer(
  name: string,
  layer: NamedLayer,
  manifestAnnotations: Annotations,
  source: Target,
  deps: ClientDeps,
  signal: AbortSignal,
): Promise<LockedLayer> {
  const file = await fetchFile(source, layer, deps, signal);
  const locked = {
    digest: layer.descriptor.digest,
    size: layer.descriptor.size,
    mediaType: layer.descriptor.mediaType,
    title: file.title,
    format: file.format,
    contentDigest: file.digest,
  };
  if (file.format === "raw" || file.format === "gzip" || file.format === "zstd") return locked;
  const entries = await deps.store.read(file.digest, signal, (opened) => listArchive(opened, { signal }));
  const { annotations } = layer.descriptor;
  const executable = annotations[annotationKeys.executable] ?? manifestAnnotations[annotationKeys.executable];
  return {
    ...locked,
    executable: executable ?? executableIn(entries, name),
    include: includeIn(entries),
    unpackInto: layer.isFolder ? layer.title : undefined,
  };
}

/** Among several files, the one that bears the tool's name is its executable. */
function withExecutableAmongFiles(name: string, layers: LockedLayer[]): LockedLayer[] {
  if (layers.length === 1 || layers.some((layer) => layer.executable !== undefined)) return layers;
  return layers.map((layer) => {
    const file = layer.title.split("/").at(-1);
    return file === name || file === `${name}.exe` ? { ...layer, executable: layer.title } : layer;
  });
}
