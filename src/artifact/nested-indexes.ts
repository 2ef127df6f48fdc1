/** Indexes inside an index, as some build systems join the images of several builds. A publisher chooses every number. */
import { ArtifactNotFoundError, ContentVerificationError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { isIndexType } from "../model/index-platforms.ts";
import { type Descriptor, type ImageIndex, parseManifest } from "../model/manifest.ts";
import type { Source } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import type { ManifestAccess } from "./manifest-access.ts";
import type { Services } from "./services.ts";

/** Indexes below each other; real artifacts have two. */
const maxDepth = 4;
/** All indexes of an artifact. */
const maxIndexes = 64;
/** Entries of all indexes of an artifact. */
const maxEntries = 10_000;

export interface IndexAt {
  readonly source: Source;
  readonly digest: Digest;
  readonly index: ImageIndex;
}

/**
 * Replaces each index inside an index by its entries; an entry without a platform inherits the platform of its index.
 * An index that the source lacks stays an entry, so that messages can name its platform.
 *
 * @throws {ContentVerificationError} `MANIFEST_INVALID` beyond a limit, and for an index inside itself
 */
export async function flattenIndex(
  { source, digest, index }: IndexAt,
  services: Services,
  run: Run,
  access: ManifestAccess,
): Promise<ImageIndex> {
  const seen = new Set<Digest>();
  const refuse = (why: string): Error =>
    new ContentVerificationError("MANIFEST_INVALID", `the index ${source.name}@${digest} ${why}`, {
      hint: "push the tool with one index that names each platform's manifest",
    });

  async function fetchIndex(entry: Descriptor): Promise<ImageIndex | undefined> {
    const origin = `${source.name}@${entry.digest}`;
    try {
      const fetched = await access.fetch(source, entry.digest, services, run);
      await access.keep(fetched, services, run);
      const parsed = parseManifest(fetched.bytes, fetched.mediaType, origin);
      return parsed.kind === "index" ? parsed : undefined;
    } catch (error) {
      if (!(error instanceof ArtifactNotFoundError)) throw error;
      services.context.log.warn(`${origin} is an index inside ${digest}, and was not found`);
      return undefined;
    }
  }

  async function entriesOf(inner: ImageIndex, above: readonly Digest[]): Promise<readonly Descriptor[]> {
    if (above.length > maxDepth) throw refuse(`has more than ${maxDepth} indexes inside each other`);
    const entries: Descriptor[] = [];
    for (const entry of inner.manifests) {
      if (above.includes(entry.digest)) throw refuse(`contains itself: ${entry.digest}`);
      if (!isIndexType(entry)) entries.push(entry);
      else if (!seen.has(entry.digest)) {
        seen.add(entry.digest);
        if (seen.size > maxIndexes) throw refuse(`has more than ${maxIndexes} indexes inside`);
        const found = await fetchIndex(entry);
        const below = found === undefined ? [entry] : await entriesOf(found, [...above, entry.digest]);
        entries.push(...below.map((one) => ({ ...one, platform: one.platform ?? entry.platform })));
      }
      if (entries.length > maxEntries) throw refuse(`has more than ${maxEntries} entries`);
    }
    return entries;
  }

  if (!index.manifests.some(isIndexType)) return index;
  return { ...index, manifests: await entriesOf(index, [digest]) };
}
