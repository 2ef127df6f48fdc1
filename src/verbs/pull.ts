/** `pull`: resolve, fetch what the cache lacks, verify, place. */

import { lstat } from "node:fs/promises";
import { resolve } from "node:path";
import { pullThroughExternalCli } from "../artifact/external-cli.ts";
import { fetchKnown, findKnown, findOfManifest, type KnownFile, resolveCached } from "../artifact/known-file.ts";
import { shapeOf } from "../artifact/layers.ts";
import { keptManifests } from "../artifact/manifests.ts";
import { offlineErrorOf } from "../artifact/offline-error.ts";
import { checkOutputFolder, warnIfLedOut } from "../artifact/output.ts";
import { placeFile, placeIfArchive, placeLayers } from "../artifact/place.ts";
import { unlessUnfit, withDamageRepaired } from "../artifact/repair.ts";
import { tellingReplaced } from "../artifact/replaced.ts";
import {
  type ExpandedReference,
  expandNamedReference,
  type ResolvedArtifact,
  resolveArtifact,
} from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ContentVerificationError, UsageError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { PlatformString } from "../model/platform.ts";
import type { Origin } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";

export interface PullRequest {
  readonly reference: string;
  /** Undefined means this machine's. */
  readonly platform: PlatformString | undefined;
  /** Digest of the file that the pull gives (after decompression), not of the manifest. */
  readonly digest: Digest | undefined;
  /** Folder to place the result in; undefined leaves it in the cache. */
  readonly output: string | undefined;
  /** Unpack an archive into `output`. */
  readonly extract: boolean;
}

export type PullResult = PulledDigests & {
  /** Canonical text, the template filled in. */
  readonly reference: string;
  /** The verified file in the cache; the output folder for an artifact of several files. */
  readonly path: string;
  /** Undefined when the artifact is the same for every platform. */
  readonly platform: PlatformString | undefined;
  /** Bytes of the file, or of all blobs of a folder. */
  readonly size: number;
  readonly origin: Origin;
  /** Files in the output folder: absolute paths. */
  readonly placed: readonly string[];
  /** It was to be unpacked and is no archive: it was placed as it is. */
  readonly isLeftAsIs: boolean;
};

/** Digests of the file at `path`, and of its manifest: a folder has no digest of its own, a file may be found without its manifest. */
type PulledDigests =
  | { readonly contentDigest: Digest; readonly manifestDigest: Digest | undefined }
  | { readonly contentDigest: undefined; readonly manifestDigest: Digest };

/** The content's digest, or the manifest's where a folder was pulled. */
export function digestOfPulled({ contentDigest, manifestDigest }: PulledDigests): Digest {
  return contentDigest ?? manifestDigest;
}

/**
 * Pulls one artifact. Content that is cached under the digest asked for is returned without asking anybody.
 *
 * @throws {OrasClientError} see `errorCodes`
 */
export async function pull(request: PullRequest, services: Services, run: Run): Promise<PullResult> {
  const work = (): Promise<PullResult> => pullArtifact(request, services, run);
  const factsOf = (result: PullResult) => ({
    digest: digestOfPulled(result),
    size: result.size,
    source: result.origin,
  });
  return await audited({ operation: "pull", reference: request.reference }, services, work, factsOf);
}

/** A request whose reference was read. */
interface Pull {
  readonly request: PullRequest;
  readonly expanded: ExpandedReference;
}

async function pullArtifact(request: PullRequest, services: Services, run: Run): Promise<PullResult> {
  const expanded = expandNamedReference(request.reference, request.platform, services);
  if (request.extract && request.output === undefined) {
    throw new UsageError("OUTPUT_REQUIRED", "--extract needs a folder to unpack into", { hint: "add -o DIR" });
  }
  if (request.output !== undefined) {
    checkOutputFolder(request.output, services.context);
    warnIfLedOut(request.output, services);
  }
  const pulling = { request, expanded };
  const way = wayOf(expanded, services);
  const isCertain = expanded.reference.digest !== undefined || way.from === "cache";
  const find = () => findKnown({ expanded, wanted: request.digest, isCertain }, services, run);
  const known = await unlessUnfit(services, find);
  if (known !== undefined && (isSufficient(known, request) || way.from === "cache")) {
    const placeKnown = () => place(known, pulling, services, run);
    const result = await unlessUnfit(services, placeKnown);
    if (result !== undefined) return result;
  }
  switch (way.from) {
    case "cache": {
      const resolved = await resolveCached(expanded, services, run);
      if (resolved === undefined) throw await offlineErrorOf(expanded.reference, expanded.text, services);
      return await placeResolved(resolved, pulling, services, run);
    }
    case "cli":
      return await pullThroughCli(way.executable, pulling, services, run);
    case "source": {
      const resolved = await resolveArtifact(expanded, services, run, keptManifests);
      return await placeResolved(resolved, pulling, services, run);
    }
  }
}

/** The way to an artifact that is not known already. */
type Way =
  | { readonly from: "cache" }
  | { readonly from: "cli"; readonly executable: string }
  | { readonly from: "source" };

function wayOf({ reference }: ExpandedReference, { settings }: Services): Way {
  // A layout folder needs neither the network nor another program.
  if (reference.location.kind === "layout") return { from: "source" };
  if (settings.isOffline) return { from: "cache" };
  return settings.externalCli === undefined ? { from: "source" } : { from: "cli", executable: settings.externalCli };
}

async function pullThroughCli(
  executable: string,
  { request, expanded }: Pull,
  services: Services,
  run: Run,
): Promise<PullResult> {
  const placePulled = async (some: Services): Promise<PullResult> => {
    const file = await pullThroughExternalCli(executable, expanded.text, some, run);
    checkContent(file.digest, request.digest, expanded.text);
    const known: KnownFile = { ...file, origin: "registry", manifestDigest: undefined, platform: undefined };
    return await place(known, { request, expanded }, some, run);
  };
  return await withDamageRepaired(services, placePulled, withoutCacheOf(request));
}

/** Bytes that another reference brought say nothing of the name and the shape that this one gives them. */
function isSufficient(known: KnownFile, { output }: PullRequest): boolean {
  return output === undefined || known.manifestDigest !== undefined;
}

async function placeResolved(
  resolved: ResolvedArtifact,
  { request, expanded }: Pull,
  services: Services,
  run: Run,
): Promise<PullResult> {
  services.context.log.debug(`${expanded.text} is manifest ${resolved.manifestDigest}`);
  const shape = shapeOf(resolved.manifest, expanded.reference.location);
  if (shape.kind === "file") {
    const placeFound = async (some: Services): Promise<PullResult> => {
      const only = { resolved, layer: shape.layer };
      const file = (await findOfManifest(only, some, run)) ?? (await fetchKnown(expanded, only, some, run));
      checkContent(file.digest, request.digest, expanded.text);
      return await place(file, { request, expanded }, some, run);
    };
    return await withDamageRepaired(services, placeFound, withoutCacheOf(request));
  }
  if (request.digest !== undefined) {
    throw new UsageError("USAGE_INVALID", `${expanded.text} is a folder, which has no digest of its own`, {
      hint: `pin its manifest instead: ${formatPinned(expanded, resolved)}`,
    });
  }
  const output = request.output;
  if (output === undefined) {
    const count = shape.layers.length;
    throw new UsageError(
      "OUTPUT_REQUIRED",
      `${expanded.text} holds ${count === 1 ? "a folder" : `${count} files or folders`}`,
      {
        hint: "name the folder to place it in with -o DIR",
      },
    );
  }
  const isExisting = (await lstat(output).catch(() => undefined)) !== undefined;
  const { source } = resolved;
  const layers = { source, layers: shape.layers, output, isExisting, extract: request.extract };
  const { origin, placed } = await withDamageRepaired(services, (some) => placeLayers(layers, some, run));
  return {
    reference: expanded.text,
    path: resolve(output),
    contentDigest: undefined,
    manifestDigest: resolved.manifestDigest,
    platform: resolved.platform,
    size: shape.layers.reduce((sum, layer) => sum + layer.descriptor.size, 0),
    origin,
    placed,
    isLeftAsIs: false,
  };
}

/** Where the file is that a pull without the cache gave; without an output it would be nowhere. */
function withoutCacheOf({ output }: PullRequest): ((result: PullResult) => PullResult) | "never" {
  if (output === undefined) return "never";
  return (result) => {
    const [sole, ...others] = result.placed;
    return { ...result, path: sole !== undefined && others.length === 0 ? sole : resolve(output) };
  };
}

function formatPinned(expanded: ExpandedReference, resolved: ResolvedArtifact): string {
  return `${resolved.source.name}@${expanded.reference.digest ?? resolved.rootDigest}`;
}

function checkContent(actual: Digest, wanted: Digest | undefined, text: string): void {
  if (wanted === undefined || wanted === actual) return;
  throw new ContentVerificationError("CONTENT_DIGEST_MISMATCH", `${text} holds ${actual}, not ${wanted}`, {
    hint: "the tag may have moved, or the digest is a manifest's or an archive's: `buck2-oras info` shows them",
  });
}

async function place(file: KnownFile, { request, expanded }: Pull, services: Services, run: Run): Promise<PullResult> {
  const result = {
    reference: expanded.text,
    path: file.path,
    contentDigest: file.digest,
    manifestDigest: file.manifestDigest,
    platform: file.platform,
    size: file.size,
    origin: file.origin,
  };
  const { output } = request;
  if (output === undefined) {
    await services.store.verify(file.digest, run.signal);
    return { ...result, placed: [], isLeftAsIs: false };
  }
  const [placed, isLeftAsIs] = await tellingReplaced(services.context.log, async (onReplaced) => {
    const options = { onReplaced, signal: run.signal };
    const unpacked = request.extract ? await placeIfArchive(file.digest, output, options, services) : undefined;
    if (unpacked !== undefined) return [unpacked, false] as const;
    return [
      [await placeFile(file, output, onReplaced, { store: services.store, signal: run.signal })],
      request.extract,
    ] as const;
  });
  return { ...result, placed, isLeftAsIs };
}
