/** Removal of a layout's blobs that are unreachable from its index. */
import { ArtifactNotFoundError, localIoError } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import { acceptedManifestTypes, blobsOf, type Descriptor, parseManifest } from "../model/manifest.ts";
import { readLayoutManifest } from "./blobs.ts";

/** A manifest or blob named by an index entry or a manifest. */
type Named = Pick<Descriptor, "digest" | "mediaType">;

async function partsOf(blobs: HeldFolder, layout: string, { digest, mediaType }: Named): Promise<readonly Named[]> {
  if (!acceptedManifestTypes.includes(mediaType)) return [];
  let bytes: Uint8Array;
  try {
    bytes = await readLayoutManifest(blobs, digest, layout, `oci:${layout}@${digest}`);
  } catch (error) {
    // A missing manifest names nothing.
    if (error instanceof ArtifactNotFoundError) return [];
    throw error;
  }
  const parsed = parseManifest(bytes, mediaType, digest);
  return parsed.kind === "index" ? parsed.manifests : blobsOf(parsed);
}

/** Minimum age of removed files: a running push writes blobs before their manifest. */
const youngMs = 15 * 60 * 1000;

/**
 * Removes unreachable blobs. Recently written files stay. Entries that are not files with a blob's name always stay.
 *
 * @param blobs The folder of the blobs, named by the hex of their SHA-256.
 * @param layout The layout's path.
 * @param roots Entries of the index.
 * @throws {ContentVerificationError} an unreadable manifest; nothing is removed, since the manifest could name any blob
 */
export async function removeUnnamed(
  blobs: HeldFolder,
  layout: string,
  roots: readonly Named[],
  nowMs: number,
): Promise<void> {
  const named = new Set<Digest>();
  const waiting: Named[] = [...roots];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (named.has(next.digest)) continue;
    named.add(next.digest);
    waiting.push(...(await partsOf(blobs, layout, next)));
  }
  try {
    for (const name of await blobs.names()) {
      if (!/^[0-9a-f]{64}$/.test(name) || named.has(digestFromHex(name))) continue;
      const stats = await blobs.look(name);
      if (stats?.isFile() === true && stats.mtimeMs < nowMs - youngMs) await blobs.unlink(name);
    }
  } catch (cause) {
    throw localIoError(`remove blobs of ${blobs.path}`, cause);
  }
}
