/** Removes from a layout's folder what no entry of its index leads to. */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { type Digest, digestFromHex, digestHex } from "../model/digest.ts";
import { acceptedManifestTypes, type Descriptor, maxManifestBytes, parseManifest } from "../model/manifest.ts";

/** A manifest or a blob, as an index entry or a manifest names it. */
type Named = Pick<Descriptor, "digest" | "mediaType">;

async function partsOf(folder: string, { digest, mediaType }: Named): Promise<readonly Named[]> {
  if (!acceptedManifestTypes.includes(mediaType)) return [];
  const path = join(folder, digestHex(digest));
  const stats = await stat(path).catch(() => undefined);
  if (stats === undefined || stats.size > maxManifestBytes) return [];
  const parsed = parseManifest(await readFile(path), mediaType, digest);
  return parsed.kind === "index" ? parsed.manifests : [parsed.config, ...parsed.layers];
}

/** A push that is under way has blobs that nothing names yet. */
const youngMs = 15 * 60 * 1000;

/**
 * Files that were written lately stay until the next time.
 *
 * @param folder With the blobs, by the hex of their SHA-256.
 * @param roots Entries of the index.
 * @throws {ContentVerificationError} a manifest that cannot be read: then nothing is removed, since it may name anything
 */
export async function removeUnnamed(folder: string, roots: readonly Named[], nowMs: number): Promise<void> {
  const named = new Set<Digest>();
  const waiting: Named[] = [...roots];
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    if (named.has(next.digest)) continue;
    named.add(next.digest);
    waiting.push(...(await partsOf(folder, next)));
  }
  for (const name of await readdir(folder)) {
    if (!/^[0-9a-f]{64}$/.test(name) || named.has(digestFromHex(name))) continue;
    const path = join(folder, name);
    const stats = await stat(path).catch(() => undefined);
    if (stats !== undefined && stats.mtimeMs < nowMs - youngMs) await rm(path, { force: true });
  }
}
