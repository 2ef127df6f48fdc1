/** Publication of files or folders as an artifact, for one or several platforms. The tag is written last. */

import { basename, resolve } from "node:path";
import { counted } from "../archive/chunks.ts";
import type { Compressor } from "../archive/encoder.ts";
import { type NamingServices, readTarget } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { UsageError } from "../errors.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import { type Digest, digestOf } from "../model/digest.ts";
import { type Annotations, annotationKeys, mediaTypes } from "../model/manifest.ts";
import { ociPlatform, type PlatformString } from "../model/platform.ts";
import { formatReference, type Reference } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { inParallel, oneAtATime } from "../parallel.ts";
import type { SigningKey } from "../signature/signing-key.ts";
import type { Run } from "../transfer/run.ts";
import { emptyDescriptor, encode, pushEmptyConfig, sorted } from "./documents.ts";
import { findContent, type Layer, layerOf } from "./layer.ts";
import { lostPlatforms } from "./lost-platforms.ts";
import { type BuildFacts, type BuildInput, inputOf, provenanceOf } from "./provenance.ts";
import type { NewReferrer } from "./referrer.ts";
import { type Signature, type SignedRoot, signThenTag } from "./sign.ts";

/** Default artifact type of `push`. */
export const defaultArtifactType = "application/vnd.buck2-oras.tool.v1";

export interface PushItem {
  /** Undefined: for all platforms; such an item is the only item. */
  readonly platform: PlatformString | undefined;
  /** A file or a folder; a folder becomes a tar that `pull` unpacks. */
  readonly path: string;
  /** Replaces the request's title. */
  readonly title?: string | undefined;
  /** Annotations of this item's manifest, in addition to the request's annotations. */
  readonly annotations?: Annotations;
  /** Origin of the bytes for provenance: a package URL, a URL or `file:NAME`; undefined: the path's name. */
  readonly origin?: string;
}

export interface PushRequest {
  /** With a tag, without a digest. */
  readonly reference: string;
  readonly items: readonly PushItem[];
  /** Name of the pulled file or folder; undefined: the path's last part. */
  readonly title: string | undefined;
  readonly artifactType: string | undefined;
  /** Media type of the layers, for registries that accept only listed types. */
  readonly layerMediaType: string | undefined;
  /** Undefined: files as they are, folders as a plain tar. */
  readonly compressor: Compressor | undefined;
  readonly annotations: Annotations;
  /**
   * Reads the key that signs the artifact; undefined: no signature. Called before any work, and a password may be asked
   * for.
   */
  readonly readKey: (() => Promise<SigningKey>) | undefined;
  /** Facts for provenance; undefined: none is written. */
  readonly provenance: BuildFacts | undefined;
}

export interface PushedPlatform {
  readonly platform: PlatformString | undefined;
  /** Digest of this platform's manifest. */
  readonly digest: Digest;
  /** Bytes of the layer. */
  readonly size: number;
  /** Bytes of the layer before compression. */
  readonly contentSize: number;
}

export interface PushResult {
  readonly reference: string;
  /** Digest of the index, or of the only manifest. */
  readonly digest: Digest;
  /** Manifest that the tag meant before; undefined for a new or unchanged tag, or if the target does not say. */
  readonly replaced: Digest | undefined;
  /** Platforms of the replaced index that the new artifact lacks. */
  readonly platformsLost: readonly PlatformString[];
  readonly mediaType: string;
  readonly platforms: readonly PushedPlatform[];
  /** Undefined without a key. */
  readonly signature: Signature | undefined;
  /** Digest of the provenance's manifest; undefined if none was asked for. */
  readonly provenance: Digest | undefined;
}

function manifestOf(layer: Layer, item: PushItem, request: PushRequest): Uint8Array {
  return encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType: request.artifactType ?? defaultArtifactType,
    config: emptyDescriptor,
    layers: [
      { mediaType: layer.mediaType, digest: layer.digest, size: layer.size, annotations: sorted(layer.annotations) },
    ],
    annotations: sorted({ ...request.annotations, ...item.annotations }),
  });
}

/** The time of packing after which a faster level is worth a word, and the highest level that is fast. */
const slowAfterMs = 15_000;
const fastLevel = 9;

/** @returns A timer for the caller to end. */
function warnIfSlow(
  label: string,
  compressor: Compressor | undefined,
  { context }: Pick<Services, "context">,
): NodeJS.Timeout | undefined {
  if (compressor?.format !== "zstd" || compressor.level <= fastLevel) return undefined;
  const text = `packing ${label} at zstd:${compressor.level} takes long; --compression zstd:${fastLevel} is several times faster`;
  return setTimeout(() => context.log.warn(text), slowAfterMs).unref();
}

/** Bytes of content that are worth a thread, which takes about 50 ms to start. */
const minThreadBytes = 4 * 1024 * 1024;

type PublishServices = Pick<Services, "context" | "packing" | "slots">;

/** An item of a request, and the item's target. */
interface ItemPush {
  readonly item: PushItem;
  readonly request: PushRequest;
  readonly target: Target;
  /** Undefined: the manifest is part of an index. */
  readonly root: RootPlace | undefined;
  /** Queues the same content of several platforms: it is sent once, and never at the same time. */
  readonly inTurn: ReturnType<typeof oneAtATime<Digest>>;
}

/** Where a root goes, and who signs it. */
interface RootPlace {
  readonly tag: string;
  readonly key: SigningKey | undefined;
}

const noRoot = { replaced: undefined, signature: undefined, provenance: undefined } as const;

type PushedItem = PushedPlatform &
  Omit<SignedRoot, "digest"> & { readonly manifestSize: number; readonly input: BuildInput };

async function pushItem(
  { item, request, target, root, inTurn }: ItemPush,
  services: PublishServices,
  signal: AbortSignal,
): Promise<PushedItem> {
  return await withTemporaryFolder("push", services.context, async (workDir) => {
    const label = item.platform ?? basename(item.path);
    const layer = await services.packing.limit(async () => {
      signal.throwIfAborted();
      const content = await findContent(item.path, item.platform, signal);
      const packing = services.context.progress.start(`pack ${label}`, content.size, "pack");
      const { layerMediaType: mediaType, compressor } = request;
      const title = item.title ?? request.title;
      const threads = content.size < minThreadBytes ? undefined : services.packing.threads;
      const how = { workDir, onBytes: packing.advance, threads, signal };
      const slow = warnIfSlow(label, compressor, services);
      return await layerOf(content, { title, mediaType, compressor }, how).finally(() => {
        clearTimeout(slow);
        packing.done();
      });
    });
    return await services.slots.run(async () => {
      signal.throwIfAborted();
      await inTurn(layer.digest, async () => {
        if (await target.hasBlob(layer, signal)) return;
        const sending = services.context.progress.start(`→ ${label}`, layer.size, "send");
        await target.pushBlob(layer, () => counted(layer.open(), sending.advance), signal).finally(sending.done);
      });
      const manifest = manifestOf(layer, item, request);
      const mediaType = mediaTypes.ociManifest;
      const given = inputOf(item.origin ?? `file:${basename(resolve(item.path))}`, layer.contentDigest);
      const input = { ...given, sourceCheck: item.annotations?.[annotationKeys.sourceCheck] };
      const { provenance: facts } = request;
      const provenance =
        facts &&
        ((subject: NewReferrer["subject"]) => {
          const manifests = [{ platform: item.platform, digest: subject.digest, input }];
          return provenanceOf({ subject, manifests }, facts);
        });
      const pushed: SignedRoot =
        root === undefined
          ? {
              digest: await inTurn(digestOf(manifest), () =>
                target.pushManifest(manifest, mediaType, undefined, signal),
              ),
              ...noRoot,
            }
          : await signThenTag({ bytes: manifest, mediaType, ...root, provenance }, target, services, signal);
      const { size, contentSize } = layer;
      return { platform: item.platform, ...pushed, size, contentSize, manifestSize: manifest.byteLength, input };
    });
  });
}

function checkItems(items: readonly PushItem[]): void {
  const platforms = items.map((item) => item.platform);
  if (items.length === 0 || (items.length > 1 && platforms.includes(undefined))) {
    throw new UsageError(
      "USAGE_INVALID",
      "push takes either one path for all platforms, or one path for each platform",
      {
        hint: "name the platform of every path",
      },
    );
  }
  const repeated = platforms.find((platform, index) => platform !== undefined && platforms.indexOf(platform) !== index);
  if (repeated !== undefined) {
    throw new UsageError("USAGE_INVALID", `platform ${repeated} is named twice`, {
      hint: "give each platform one path",
    });
  }
}

/** Digest, and total size of the layers in bytes, for the audit log. */
export function factsOf({ digest, platforms }: PushResult): { readonly digest: Digest; readonly size: number } {
  return { digest, size: platforms.reduce((sum, { size }) => sum + size, 0) };
}

/**
 * Parses the reference to publish under, before any other work.
 *
 * @throws {UsageError} `REFERENCE_INVALID` for a reference without a tag, or with a digest
 */
export function readDestination(
  text: string,
  services: NamingServices,
): { readonly reference: Reference; readonly tag: string } {
  const reference = readTarget(text, services);
  const { tag } = reference;
  if (tag === undefined || reference.digest !== undefined) {
    throw new UsageError("REFERENCE_INVALID", `${formatReference(reference)} has no tag to push to`, {
      hint: "write HOST/REPOSITORY:TAG or oci:DIR:TAG",
    });
  }
  return { reference, tag };
}

/**
 * Pushes one manifest, or an index with one manifest per platform. An existing tag is overwritten.
 *
 * @throws {UsageError} for a reference without a tag, and for a platform that is named twice
 */
export async function publish(
  request: PushRequest,
  services: PublishServices & Pick<Services, "noteNamed" | "open" | "settings">,
  run: Run,
): Promise<PushResult> {
  const { reference, tag } = readDestination(request.reference, services);
  checkItems(request.items);
  const key = await request.readKey?.();
  const target = services.open(reference.location);
  await pushEmptyConfig(target, run.signal);
  const text = formatReference(reference);
  const [first] = request.items;
  const inTurn = oneAtATime<Digest>();
  if (request.items.length === 1 && first !== undefined && first.platform === undefined) {
    const single = await pushItem({ item: first, request, target, root: { tag, key }, inTurn }, services, run.signal);
    const { digest, replaced, signature, provenance } = single;
    const root = { digest, replaced, signature, provenance, mediaType: mediaTypes.ociManifest };
    return { reference: text, ...root, platformsLost: [], platforms: [withoutRest(single)] };
  }
  const byPlatform = [...request.items].sort((a, b) => ((a.platform ?? "") < (b.platform ?? "") ? -1 : 1));
  const pushed = await inParallel(byPlatform, run.signal, (item, signal) =>
    pushItem({ item, request, target, root: undefined, inTurn }, services, signal),
  );
  const index = encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    artifactType: request.artifactType ?? defaultArtifactType,
    manifests: pushed.map(({ platform, digest, manifestSize }) => ({
      mediaType: mediaTypes.ociManifest,
      digest,
      size: manifestSize,
      platform: platform === undefined ? undefined : swapped(platform),
    })),
    annotations: sorted(request.annotations),
  });
  const mediaType = mediaTypes.ociIndex;
  const { provenance: facts } = request;
  const provenance =
    facts && ((subject: NewReferrer["subject"]) => provenanceOf({ subject, manifests: pushed }, facts));
  const root = await signThenTag({ bytes: index, mediaType, tag, key, provenance }, target, services, run.signal);
  const platforms = pushed.map(withoutRest);
  const replacement = { replaced: root.replaced, tag, platforms: platforms.map(({ platform }) => platform) };
  const platformsLost = await lostPlatforms(replacement, target, services, run.signal);
  return { reference: text, ...root, platformsLost, mediaType, platforms };
}

function withoutRest({ platform, digest, size, contentSize }: PushedPlatform): PushedPlatform {
  return { platform, digest, size, contentSize };
}

/** Keys in the order of the image-spec's examples, which `oras` and `crane` also use. */
function swapped(platform: PlatformString): object {
  const { os, architecture } = ociPlatform(platform);
  return { architecture, os };
}
