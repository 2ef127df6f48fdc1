/** Parts that every pushed manifest has: its bytes, its annotations, the empty config. */
import { digestOf } from "../model/digest.ts";
import { type Annotations, mediaTypes } from "../model/manifest.ts";
import type { BlobStream, Target } from "../model/source.ts";

const emptyConfig = new TextEncoder().encode("{}");

/** OCI image-spec v1.1.1, manifest.md, "Guidance for an Empty Descriptor". */
export const emptyDescriptor = {
  mediaType: mediaTypes.empty,
  digest: digestOf(emptyConfig),
  size: emptyConfig.byteLength,
} as const;

/** Keeps the order of keys and writes no spaces: the same input gives the same digest everywhere. */
export function encode(document: object): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(document));
}

/** By key; undefined without annotations, so that the document lacks the field. */
export function sorted(annotations: Annotations): Annotations | undefined {
  const entries = Object.entries(annotations).sort(([a], [b]) => (a < b ? -1 : 1));
  return entries.length === 0 ? undefined : Object.fromEntries(entries);
}

/** A blob's bytes from memory, for any number of tries. */
export function streamOf(bytes: Uint8Array): () => BlobStream {
  return async function* () {
    yield bytes;
  };
}

export async function pushEmptyConfig(target: Target, signal: AbortSignal): Promise<void> {
  const { digest, size } = emptyDescriptor;
  if (await target.hasBlob({ digest, size }, signal)) return;
  await target.pushBlob({ digest, size }, streamOf(emptyConfig), signal);
}
