/** `pull`: resolves a reference, fetches blobs missing in the cache, verifies, and places the result. */

import { lstat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { pullThroughExternalCli } from "../artifact/external-cli.ts";
import { fetchOfManifest, findKnown, type KnownFile, noteMeaning, resolveCached } from "../artifact/known-file.ts";
import { fallbackTitle, shapeOf } from "../artifact/layers.ts";
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
import { posixWord } from "../tools/quoting.ts";
import type { Run } from "../transfer/run.ts";

export interface PullRequest {
  readonly reference: string;
  /** Undefined: this machine's platform. */
  readonly platform: PlatformString | undefined;
  /** Expected digest of the file after decompression, not of the manifest. */
  readonly digest: Digest | undefined;
  /** Folder for the result; undefined leaves the file in the cache. */
  readonly output: string | undefined;
  /** Unpacks an archive into `output`. */
  readonly extract: boolean;
}

export type PullResult = PulledDigests & {
  /** Canonical text, with the template filled in. */
  readonly reference: string;
  /** Verified file in the cache; the output folder for a folder or several files. */
  readonly path: string;
  /** Undefined if the artifact is the same for every platform. */
  readonly platform: PlatformString | undefined;
  /** Bytes of the file, or of all blobs of a folder. */
  readonly size: number;
  readonly origin: Origin;
  /** Absolute paths of the files in the output folder. */
  readonly placed: readonly string[];
  /** True if `extract` found no archive: the file is placed unchanged. */
  readonly isLeftAsIs: boolean;
};

/** Digests of a pull. A folder has no content digest; a file may be found without its manifest. */
type PulledDigests =
  | { readonly contentDigest: Digest; readonly manifestDigest: Digest | undefined }
  | { readonly contentDigest: undefined; readonly manifestDigest: Digest };

/** The content's digest; for a folder, the manifest's digest. */
export function digestOfPulled({ contentDigest, manifestDigest }: PulledDigests): Digest {
  return contentDigest ?? manifestDigest;
}

/**
 * Pulls one artifact. Content that is cached under the requested digest needs no request.
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

/** A request with its parsed reference. */
interface Pull {
  readonly request: PullRequest;
  readonly expanded: ExpandedReference;
}

/** The line to write: the requested one with a folder, which has the name of the repository. */
function lineWithOutput({ reference, platform, extract }: PullRequest, expanded: ExpandedReference): string {
  const { location } = expanded.reference;
  const folder = basename(location.kind === "layout" ? location.path : location.repository) || "tools";
  const options = [...(platform === undefined ? [] : ["--platform", platform]), ...(extract ? ["--extract"] : [])];
  return `name a folder for the files: \`${["buck2-oras pull", /^[\w./:@%+,=-]+$/.test(reference) ? reference : posixWord(reference), ...options, "-o", folder].join(" ")}\``;
}

async function pullArtifact(request: PullRequest, services: Services, run: Run): Promise<PullResult> {
  const expanded = expandNamedReference(request.reference, request.platform, services);
  if (request.extract && request.output === undefined) {
    throw new UsageError("OUTPUT_REQUIRED", "--extract needs a folder to unpack into", {
      hint: lineWithOutput(request, expanded),
    });
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
      const result = await placeResolved(resolved, pulling, services, run);
      const { size } = result;
      const title = fallbackTitle(expanded.reference.location);
      await noteMeaning(expanded, resolved, { digest: digestOfPulled(result), size, title }, services);
      return result;
    }
  }
}

/** Place to look up an artifact whose file is not known yet. */
type Way =
  | { readonly from: "cache" }
  | { readonly from: "cli"; readonly executable: string }
  | { readonly from: "source" };

function wayOf({ reference }: ExpandedReference, { settings }: Pick<Services, "settings">): Way {
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

/** Placing needs title and shape from the manifest; a file found by digest alone may belong to another reference. */
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
      const file = await fetchOfManifest(only, some, run);
      checkContent(file.digest, request.digest, expanded.text);
      return await place(file, { request, expanded }, some, run);
    };
    return await withDamageRepaired(services, placeFound, withoutCacheOf(request));
  }
  if (request.digest !== undefined) {
    throw new UsageError("USAGE_INVALID", `${expanded.text} is a folder, and a folder has no digest of its own`, {
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
        hint: lineWithOutput(request, expanded),
      },
    );
  }
  const isExisting = (await lstat(output).catch(() => undefined)) !== undefined;
  const { source, manifestDigest: manifest } = resolved;
  const layers = { source, manifest, layers: shape.layers, output, isExisting, extract: request.extract };
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

/** Points a result without the cache at its placed files; without an output, no file would remain. */
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
    hint: "compare with `buck2-oras info`: the tag may have moved, or the digest is a manifest's or an archive's",
  });
}

async function place(
  file: KnownFile,
  { request, expanded }: Pull,
  services: Pick<Services, "context" | "store">,
  run: Run,
): Promise<PullResult> {
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
    const unpacked = request.extract
      ? await placeIfArchive({ ...file, of: expanded.text }, output, options, services)
      : undefined;
    if (unpacked !== undefined) return [unpacked, false] as const;
    return [[await placeFile(file, output, onReplaced, { ...services, signal: run.signal })], request.extract] as const;
  });
  return { ...result, placed, isLeftAsIs };
}
