/** Creation of a tool's lock entry: all platforms of the reference, down to the digests of the content. */

import { checkTitles, type NamedLayer, shapeOf } from "../artifact/layers.ts";
import { withDamageRepaired } from "../artifact/repair.ts";
import { executableAmong } from "../lockfile/executable.ts";
import type { LockedLayer, LockedPlatform, LockedTool, LockOptions, LockPlatform } from "../lockfile/schema.ts";
import { formatLocation, type Location } from "../model/location.ts";
import { annotationKeys } from "../model/manifest.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";
import { accessByRepository, type LockingServices } from "./access.ts";
import { executableOf, type Unchosen, warnOfUnchosen } from "./choices.ts";
import { checkLockedPaths, type ReadLayer, readLayer } from "./layer.ts";
import { type Found, type FoundManifest, findManifests } from "./manifests.ts";
import { noteLocked } from "./meaning.ts";
import { signaturesOf } from "./signers.ts";
import { statedOf } from "./stated.ts";

export interface ToolRequest {
  /** Name in the lock. */
  readonly name: string;
  /** Reference or template, as in the lock. */
  readonly reference: string;
  readonly options: LockOptions | undefined;
}

/** A reference's meaning, by manifests and signatures alone. */
export interface Version {
  readonly request: ToolRequest;
  readonly manifests: Found;
  /** The entry without layers. */
  readonly entry: LockedTool;
}

/**
 * Looks one reference or template up. Nothing else is fetched, so that what is refused is not downloaded.
 *
 * @throws {PolicyRefusal} for demands on signers
 */
export async function findVersion(request: ToolRequest, services: LockingServices, run: Run): Promise<Version> {
  const { reference, options } = request;
  const manifests = await findManifests(reference, options?.platforms ?? [], services, run);
  const { digest, found } = manifests;
  const signatures = await signaturesOf(request, manifests, services, run);
  const platforms: Partial<Record<LockPlatform, LockedPlatform>> = Object.fromEntries(
    found.map((one) => [one.platform, { manifest: one.digest, repository: formatLocation(one.location), layers: [] }]),
  );
  return { request, manifests, entry: { reference, digest, options, platforms, signatures, stated: statedOf(found) } };
}

/** The entry with its layers. Each blob is fetched once, since a media type does not prove the format. */
export async function lockVersion(
  { request, manifests: { found }, entry }: Version,
  services: LockingServices,
  run: Run,
): Promise<LockedTool> {
  const { name, reference } = request;
  const done = await inParallel(found, run.signal, (one, either) =>
    lockPlatform(request, one, services, withSignal(run, either)),
  );
  const unchosen = done.map((one) => one.unchosen).filter((one) => one !== undefined);
  warnOfUnchosen(name, unchosen, services);
  const asked = done.map(({ location, locked }) => ({ location, blob: locked.layers[0] }));
  const accesses = await accessByRepository(asked, services, run);
  const platforms: Partial<Record<LockPlatform, LockedPlatform>> = Object.fromEntries(
    done.map(({ platform, locked }) => [platform, { access: accesses.get(locked.repository), ...locked }]),
  );
  await services.limitOpen(() => noteLocked(reference, platforms, services));
  return { ...entry, platforms };
}

interface DonePlatform {
  readonly platform: LockPlatform;
  readonly location: Location;
  readonly locked: LockedPlatform;
  /** Undefined if the executable is known. */
  readonly unchosen: Unchosen | undefined;
}

async function lockPlatform(
  { name, options }: ToolRequest,
  { platform, digest, source, manifest, location }: FoundManifest,
  services: LockingServices,
  run: Run,
): Promise<DonePlatform> {
  const shape = shapeOf(manifest, location);
  const layers = shape.kind === "file" ? [shape.layer] : shape.layers;
  const isOnly = layers.length === 1;
  const read = await inParallel(layers, run.signal, (layer, either) =>
    services.limitOpen(() =>
      withDamageRepaired(services, (some) =>
        readLayer({ source, manifest: digest, layer, isOnly, format: options?.format }, some, withSignal(run, either)),
      ),
    ),
  );
  // Decompressed files lose a suffix: `tool` and `tool.gz` are one file then.
  if (!isOnly)
    checkTitles(
      read.map((one) => ({ title: one.locked.title, isRoot: false })),
      formatLocation(location),
    );
  const files = read.flatMap((one) => one.files);
  const stated = [...layers, manifest].map(statedExecutable).find((path) => path !== undefined);
  const chosen = executableOf({ name, platform, files, wanted: options?.executable, stated }, services);
  // Linux unpacks other names, too; the lock is for every system.
  checkLockedPaths([chosen], formatLocation(location));
  const locked = read.map((one) => withExecutable(one, chosen));
  return {
    platform,
    location,
    locked: {
      manifest: digest,
      repository: formatLocation(location),
      layers: locked,
      // A single layer states its executable itself.
      executable: isOnly || chosen === executableByRules(name, locked) ? undefined : chosen,
    },
    unchosen: chosen === undefined ? { platform, files } : undefined,
  };
}

/** The publisher's annotation, of a layer or of the manifest. */
function statedExecutable(of: FoundManifest["manifest"] | NamedLayer): string | undefined {
  const { annotations } = "descriptor" in of ? of.descriptor : of;
  return annotations[annotationKeys.executable];
}

/** The layer's entry. A single file keeps its own evidence, which decides about the file's mode. */
function withExecutable({ locked, files }: ReadLayer, chosen: string | undefined): LockedLayer {
  return chosen !== undefined && files.some(({ path }) => path === chosen) ? { ...locked, executable: chosen } : locked;
}

/** The choice of the rules, which read the layers alone. */
function executableByRules(name: string, layers: readonly LockedLayer[]): string | undefined {
  return executableAmong(
    name,
    layers.map(({ executable }) => executable).filter((path) => typeof path === "string"),
  );
}
