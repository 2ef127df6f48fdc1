/**
 * Consistency checks of a lock's entries: each part must follow from the part above, from the reference down to the
 * layers. An attacker could change one part alone: a review would see the familiar reference and digest, and a build
 * would fetch other files.
 */

import { isCompressed } from "../archive/format.ts";
import { contentTitle } from "../artifact/fetch-file.ts";
import { type NamedLayer, shapeOf } from "../artifact/layers.ts";
import { keptManifests } from "../artifact/manifests.ts";
import { type NamingServices, readReference } from "../artifact/naming.ts";
import { flattenIndex } from "../artifact/nested-indexes.ts";
import { fetchPlatformManifest } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { ArtifactNotFoundError, ConfigurationError, UsageError } from "../errors.ts";
import { anyPlatform, type Lock, type LockedLayer, type LockedPlatform, type LockedTool } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { manifestForAll, platformsOf } from "../model/index-platforms.ts";
import { formatLocation, type Location } from "../model/location.ts";
import { type Annotations, type Descriptor, type ImageManifest, parseManifest } from "../model/manifest.ts";
import { isTemplate } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";
import { faultsOfStated } from "./stated.ts";

/** A fault of a lock's entry. */
interface Fault {
  readonly tool: string;
  /** Names the platform of a fault in one platform. */
  readonly text: string;
  /** The source no longer has the manifest, so that the entry cannot be checked. */
  readonly isGone: boolean;
}

function outdated(file: string, [first, ...others]: readonly Fault[]): ConfigurationError | undefined {
  if (first === undefined) return undefined;
  const more = others.length === 0 ? "" : ` (and ${others.length} more)`;
  return new ConfigurationError("LOCK_OUTDATED", `${file}: the tool ${first.tool} ${first.text}${more}`, {
    hint: `find out who changed the lock; \`buck2-oras lock update ${first.tool}\` locks the reference again`,
  });
}

function repositoryOf(reference: string, platform: string, services: NamingServices): string | UsageError {
  try {
    return formatLocation(readReference(reference.replaceAll("{platform}", platform), services).location);
  } catch (error) {
    if (error instanceof UsageError) return error;
    throw error;
  }
}

function faultsOf({ reference, digest, platforms }: LockedTool, services: NamingServices): readonly string[] {
  // Without a digest, the tag would go unchecked; with a digest, a template's platforms would count as one index.
  if (isTemplate(reference) !== (digest === undefined)) {
    return [digest === undefined ? `has no digest for ${reference}` : `has a digest for the template ${reference}`];
  }
  return Object.entries(platforms).flatMap(([platform, { repository, manifest, layers }]) => {
    const expected = repositoryOf(reference, platform, services);
    if (expected instanceof UsageError) return [`has an invalid reference: ${expected.message}`];
    if (expected !== repository) {
      return [`has the repository ${repository} for ${platform}, and ${reference} gives ${expected}`];
    }
    const layer = layers.find((one) => !isCompressed(one.format) && one.contentDigest !== one.digest);
    if (layer !== undefined) {
      return [`has the contentDigest ${layer.contentDigest} for ${platform}, and the digest ${layer.digest}`];
    }
    // The digest of an artifact without platforms is the digest of its manifest.
    if (platform !== anyPlatform || digest === undefined || manifest === digest) return [];
    return [`has the manifest ${manifest} for ${platform}, and the digest ${digest}`];
  });
}

/** Checks a lock without any request. @throws {ConfigurationError} `LOCK_OUTDATED` */
export function checkOrigins(file: string, lock: Lock, services: NamingServices): void {
  const faults = Object.entries(lock.tools).flatMap(([tool, locked]) =>
    faultsOf(locked, services).map((text) => ({ tool, text, isGone: false })),
  );
  const error = outdated(file, faults);
  if (error !== undefined) throw error;
}

/** A lock, and the path of its file. */
export interface LockAt {
  readonly file: string;
  readonly lock: Lock;
}

export interface ManifestCheck {
  /** Opens a repository of the lock; its mirrors may answer, since each manifest is hashed. */
  readonly open: (location: Location) => Target;
  /** True if the source must still have the tool's manifests. */
  readonly isNeeded: (tool: string) => boolean;
}

/**
 * Compares the lock's layers with the locked manifests, and the manifests with the locked index. Only manifests missing
 * in the cache are requested.
 *
 * @throws {ConfigurationError} `LOCK_OUTDATED`
 */
export async function checkManifests(
  { file, lock }: LockAt,
  { open, isNeeded }: ManifestCheck,
  services: Services,
  run: Run,
): Promise<void> {
  const found = await inParallel(Object.entries(lock.tools), run.signal, async ([tool, locked], either) => {
    return await faultsOfManifests({ tool, ...locked }, open, services, withSignal(run, either));
  });
  const error = outdated(
    file,
    found.flat().filter(({ tool, isGone }) => !isGone || isNeeded(tool)),
  );
  if (error !== undefined) throw error;
}

/**
 * Why a tool of the lock cannot be compared with its manifests: a source no longer has one of them. A signature of a digest
 * says nothing of such a tool, since whoever wrote the lock could put any files below the digest.
 *
 * @returns Undefined for a tool whose manifests are all there.
 */
export async function goneManifest(
  [tool, locked]: readonly [string, LockedTool],
  services: Services,
  run: Run,
): Promise<string | undefined> {
  const faults = await faultsOfManifests({ tool, ...locked }, services.open, services, run);
  return faults.find(({ isGone }) => isGone)?.text;
}

async function orGone<T>(work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof ArtifactNotFoundError) return undefined;
    throw error;
  }
}

async function faultsOfManifests(
  { tool, ...locked }: LockedTool & Pick<Fault, "tool">,
  open: ManifestCheck["open"],
  services: Services,
  run: Run,
): Promise<readonly Fault[]> {
  const { digest, platforms } = locked;
  const entries = Object.entries(platforms);
  const [first] = entries;
  if (first === undefined) return [];
  const isIndex = digest !== undefined && entries.some(([platform]) => platform !== anyPlatform);
  const root = isIndex
    ? await readRoot(digest, open(readReference(first[1].repository, services).location), services, run)
    : undefined;
  const withoutRoot = isIndex && root === undefined;
  const lost = `has the index ${digest}, which ${first[1].repository} does not have`;
  const rootFaults: readonly Fault[] = withoutRoot ? [{ tool, text: lost, isGone: true }] : [];
  const checked = await inParallel(entries, run.signal, async ([platform, own], either) => {
    const fault = (text: string, isGone = false): Fault => ({ tool, text: `${text} for ${platform}`, isGone });
    const { manifest } = own;
    if (root !== undefined && root.manifestOf(platform) !== manifest) {
      return { faults: [fault(`has the manifest ${manifest}, which its reference's digest ${digest} does not name`)] };
    }
    const { location } = readReference(own.repository, services);
    const fetch = () =>
      fetchPlatformManifest(
        { source: open(location), digest: manifest },
        services,
        withSignal(run, either),
        keptManifests,
      );
    const found = await services.slots.run(() => orGone(fetch));
    if (found === undefined) {
      return { faults: [fault(`has the manifest ${manifest}, which ${own.repository} does not have,`, true)] };
    }
    return { faults: faultsOfLayers(own, found, location).map((text) => fault(text)), found };
  });
  const faults = [...rootFaults, ...checked.flatMap((one) => one.faults)];
  const found = checked.flatMap((one) => one.found ?? []);
  // The root of a template's tag is not locked, and may have stated it; without all parts, nothing can be said either.
  const isKnown = digest !== undefined && found.length === entries.length;
  if (faults.length > 0 || !isKnown) return faults;
  const annotated = found.map((manifest) => ({ manifest, rootAnnotations: root?.annotations ?? {} }));
  return faultsOfStated(locked, annotated).map((text) => ({ tool, text, isGone: false }));
}

interface ReadRoot {
  readonly annotations: Annotations;
  /** The manifest's digest of a platform: the index's own, or the digest of the only manifest for every platform. */
  readonly manifestOf: (platform: string) => Digest | undefined;
}

/** @returns Undefined for a root that no longer exists. */
async function readRoot(digest: Digest, source: Target, services: Services, run: Run): Promise<ReadRoot | undefined> {
  const fetched = await services.slots.run(() => orGone(() => keptManifests.fetch(source, digest, services, run)));
  if (fetched === undefined) {
    services.context.log.debug(
      `${source.name} no longer has the index ${digest}: the locked manifests are not compared with the index`,
    );
    return undefined;
  }
  await keptManifests.keep(fetched, services, run);
  const parsed = parseManifest(fetched.bytes, fetched.mediaType, `${source.name}@${digest}`);
  const { annotations } = parsed;
  if (parsed.kind === "manifest") return { annotations, manifestOf: () => digest };
  const index = await services.slots.run(() =>
    flattenIndex({ source, digest, index: parsed }, services, run, keptManifests),
  );
  const listed = new Map<string, Descriptor>(platformsOf(index));
  const forAll = manifestForAll(index);
  return { annotations, manifestOf: (platform) => (listed.get(platform) ?? forAll)?.digest };
}

function faultsOfLayers({ layers }: LockedPlatform, manifest: ImageManifest, location: Location): readonly string[] {
  const shape = shapeOf(manifest, location);
  const named = shape.kind === "file" ? [shape.layer] : shape.layers;
  if (named.length !== layers.length) return [`has ${layers.length} layers, and its manifest ${named.length},`];
  return named.flatMap((layer, index) => {
    const locked = layers[index];
    return locked === undefined ? [] : faultsOfLayer(locked, layer);
  });
}

function faultsOfLayer(locked: LockedLayer, { descriptor, title, isFolder, isRoot }: NamedLayer): readonly string[] {
  const stated: readonly (readonly [keyof LockedLayer, string | number])[] = [
    ["digest", descriptor.digest],
    ["size", descriptor.size],
    ["mediaType", descriptor.mediaType],
    ["title", contentTitle(title, locked.format)],
    ...(locked.unpackInto === undefined ? [] : [["unpackInto", isFolder && !isRoot ? title : "nothing"] as const]),
  ];
  return stated
    .filter(([key, value]) => locked[key] !== value)
    .map(([key, value]) => `has the ${key} ${locked[key]}, and its manifest ${value},`);
}
