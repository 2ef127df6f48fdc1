/** Removes from a layout's folder what no entry of its index leads to. */
import { ArtifactNotFoundError, localIoError } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import { acceptedManifestTypes, type Descriptor, parseManifest } from "../model/manifest.ts";
import { readLayoutManifest } from "./blobs.ts";

/** A manifest or a blob, as an index entry or a manifest names it. */
type Named = Pick<Descriptor, "digest" | "mediaType">;

async function partsOf(blobs: HeldFolder, layout: string, { digest, mediaType }: Named): Promise<readonly Named[]> {
  if (!acceptedManifestTypes.includes(mediaType)) return [];
  let bytes: Uint8Array;
  try {
    bytes = await readLayoutManifest(blobs, digest, layout, `oci:${layout}@${digest}`);
  } catch (error) {
    // What is not there names nothing.
    if (error instanceof ArtifactNotFoundError) return [];
    throw error;
  }
  const parsed = parseManifest(bytes, mediaType, digest);
  return parsed.kind === "index" ? parsed.manifests : [parsed.config, ...parsed.layers];
}

/** A push that is under way has blobs that nothing names yet. */
const youngMs = 15 * 60 * 1000;

/**
 * Files that were written lately stay until the next time, and what is no file with a blob's name stays for ever.
 *
 * @param blobs With the blobs, by the hex of their SHA-256.
 * @param layout Its path.
 * @param roots Entries of the index.
 * @throws {ContentVerificationError} a manifest that cannot be read: then nothing is removed, since it may name anything
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
