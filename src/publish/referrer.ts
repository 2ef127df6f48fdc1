/**
 * An artifact that refers to another one, such as an SBOM, provenance or a signature.
 *
 * Where the registry has no referrers API, the target also lists the referrer in the subject's fallback tag.
 *
 * @see OCI image-spec v1.1.1, manifest.md, "Guidelines for Artifact Usage"
 */
import { type Digest, digestOf } from "../model/digest.ts";
import { type Annotations, type Descriptor, mediaTypes } from "../model/manifest.ts";
import type { BlobIdentity, BlobStream, Target } from "../model/source.ts";
import { emptyDescriptor, encode, pushEmptyConfig, sorted, streamOf } from "./documents.ts";

export interface ReferrerLayer extends BlobIdentity {
  readonly mediaType: string;
  readonly annotations: Annotations;
  /** Called once per try; each call starts from the first byte. */
  readonly open: () => BlobStream;
}

export interface NewReferrer {
  readonly subject: Pick<Descriptor, "mediaType" | "digest" | "size">;
  readonly artifactType: string;
  readonly layers: readonly ReferrerLayer[];
  readonly annotations: Annotations;
}

export interface PushedReferrer {
  readonly digest: Digest;
  /** Bytes of the manifest. */
  readonly size: number;
  /** False if the target had the same manifest before. */
  readonly isNew: boolean;
}

/** A layer whose bytes are in memory. */
export function layerOfBytes(bytes: Uint8Array, mediaType: string, annotations: Annotations = {}): ReferrerLayer {
  return { digest: digestOf(bytes), size: bytes.byteLength, mediaType, annotations, open: streamOf(bytes) };
}

function manifestOf({ subject, artifactType, layers, annotations }: NewReferrer): Uint8Array {
  return encode({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    artifactType,
    config: emptyDescriptor,
    layers: layers.map((layer) => ({
      mediaType: layer.mediaType,
      digest: layer.digest,
      size: layer.size,
      annotations: sorted(layer.annotations),
    })),
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    annotations: sorted(annotations),
  });
}

/**
 * Pushes the blobs, then the manifest. The same referrer again has the same digest, and is listed once.
 *
 * @throws {RegistryUnavailableError} `REGISTRY_REFUSED` where the fallback tag is another artifact's
 */
export async function pushReferrer(
  referrer: NewReferrer,
  target: Target,
  signal: AbortSignal,
): Promise<PushedReferrer> {
  const manifest = manifestOf(referrer);
  const isNew = !(await target.hasManifest(digestOf(manifest), signal));
  if (isNew) {
    await pushEmptyConfig(target, signal);
    for (const layer of referrer.layers) {
      if (!(await target.hasBlob(layer, signal))) await target.pushBlob(layer, layer.open, signal);
    }
  }
  // Also for a manifest that is there: an interrupted push may have left the manifest out of the fallback tag.
  const digest = await target.pushManifest(manifest, mediaTypes.ociManifest, undefined, signal);
  return { digest, size: manifest.byteLength, isNew };
}
