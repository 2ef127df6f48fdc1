/**
 * An OCI image layout folder as `Source` and `Target`.
 *
 * @see OCI image-spec v1.1.1, image-layout.md
 */
import type { Stats } from "node:fs";
import { open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { ArtifactNotFoundError, ContentVerificationError, localIoError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { HashedFile } from "../files/hashed-write.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { withOwnMutex } from "../files/mutex.ts";
import { piecesOf } from "../files/opened-file.ts";
import { type Digest, digestHex, digestOf, isDigest } from "../model/digest.ts";
import {
  acceptedManifestTypes,
  annotationKeys,
  type Descriptor,
  mediaTypeOf,
  mediaTypes,
  parseManifest,
} from "../model/manifest.ts";
import { isTag } from "../model/reference.ts";
import {
  type BlobIdentity,
  type BlobStream,
  type ByteRange,
  type FetchedManifest,
  type ManifestTime,
  type OpenedBlob,
  restOf,
  type Target,
} from "../model/source.ts";
import { holdingBlobs, holdingLayout, openLayoutBlob, readLayoutManifest } from "./blobs.ts";
import { type Entry, type Index, indexSchema, invalidLayout, marker, markerSchema, readDocument } from "./documents.ts";
import { findEntry, hintFor, tagOf } from "./entries.ts";
import { removeUnnamed } from "./garbage.ts";

const fileMode = 0o644;
const pieceBytes = 1024 * 1024;

class Layout implements Target {
  readonly name: string;
  readonly mirrors = [];
  readonly #path: string;
  readonly #context: Context;

  constructor(path: string, context: Context) {
    this.name = `oci:${path}`;
    this.#path = path;
    this.#context = context;
  }

  async fetchManifest(version: Digest | string, _signal: AbortSignal): Promise<FetchedManifest> {
    await this.#checkMarker();
    const entry = isDigest(version) ? undefined : findEntry((await this.#readIndex()).manifests, version);
    const digest = entry?.digest ?? (isDigest(version) ? version : undefined);
    const what = `${this.name}${isDigest(version) ? "@" : ":"}${version}`;
    if (digest === undefined) {
      throw new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${what}`, {
        hint: hintFor((await this.#readIndex()).manifests, this.name),
      });
    }
    const bytes = await this.#readManifest(digest, what);
    return { digest, mediaType: entry?.mediaType ?? mediaTypeOf(bytes) ?? "", bytes };
  }

  async resolve(version: Digest | string, signal: AbortSignal): Promise<Digest> {
    return (await this.fetchManifest(version, signal)).digest;
  }

  /** Gives the rest from `first`, ignoring the range's end: parts make local reads no faster. */
  async openBlob(blob: BlobIdentity, { first }: ByteRange, signal: AbortSignal): Promise<OpenedBlob> {
    const open = () =>
      holdingBlobs(this.#path, "leave", (blobs) =>
        openLayoutBlob(blobs, blob.digest, this.#path, `${this.name}@${blob.digest}`),
      );
    await (await open()).handle.close();
    // Opened again by the reader: an unread stream must not leave a file open.
    async function* bytes(): AsyncGenerator<Uint8Array, void, undefined> {
      const file = await open();
      try {
        yield* piecesOf(file, pieceBytes, signal, first);
      } catch (cause) {
        throw signal.aborted ? signal.reason : localIoError(`read ${file.path}`, cause);
      } finally {
        await file.handle.close();
      }
    }
    return { range: restOf(blob, first), bytes: bytes(), discard: async () => {} };
  }

  async listTags(_signal: AbortSignal): Promise<readonly string[]> {
    await this.#checkMarker();
    const names = new Set((await this.#readIndex()).manifests.map(tagOf).filter((name) => name !== undefined));
    const tags = [...names].filter(isTag);
    // Some programs write whole references into the annotation.
    if (tags.length < names.size) {
      const count = names.size - tags.length;
      this.#context.log.warn(`${this.name} lists ${count} names that are not valid tags; these names are omitted`);
    }
    return tags;
  }

  async listReferrers(digest: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    await this.#checkMarker();
    const found: Descriptor[] = [];
    for (const entry of (await this.#readIndex()).manifests) {
      signal.throwIfAborted();
      if (!acceptedManifestTypes.includes(entry.mediaType)) continue;
      const what = `${this.name}@${entry.digest}`;
      const parsed = parseManifest(await this.#readManifest(entry.digest, what), entry.mediaType, what);
      if (parsed.subject?.digest !== digest) continue;
      const { mediaType, size } = entry;
      const { annotations, artifactType } = parsed;
      found.push({ mediaType, digest: entry.digest, size, annotations, artifactType, platform: undefined });
    }
    return found;
  }

  async hasManifest(digest: Digest, _signal: AbortSignal): Promise<boolean> {
    return (await this.#look(digest))?.isFile() === true;
  }

  /** Whoever can write the folder sets the times of its files. */
  async manifestTime(): Promise<ManifestTime> {
    return { published: undefined, clock: undefined };
  }

  async tagDigest(tag: string, _signal: AbortSignal): Promise<Digest | undefined> {
    return findEntry((await this.#readIndex()).manifests, tag)?.digest;
  }

  /** Layouts share no blobs. */
  async mountBlob(): Promise<boolean> {
    return false;
  }

  async hasBlob(blob: BlobIdentity, _signal: AbortSignal): Promise<boolean> {
    const stats = await this.#look(blob.digest);
    return stats?.isFile() === true && stats.size === blob.size;
  }

  async pushBlob(blob: BlobIdentity, open: () => BlobStream, signal: AbortSignal): Promise<void> {
    const wrong = (): Error =>
      new ContentVerificationError("BLOB_DIGEST_MISMATCH", `the bytes read for ${blob.digest} have another digest`, {
        hint: "push again: the file changed during the push",
      });
    await this.#prepare();
    const bound = { maxBytes: blob.size, tooLong: wrong };
    await this.#whileMade(async (blobs) => {
      const name = digestHex(blob.digest);
      await blobs.place(name, async (staged) => {
        const file = await HashedFile.create(staged, join(blobs.path, name));
        const written = await file.fill(open(), bound, signal);
        if (written.digest !== blob.digest) throw wrong();
        return { mode: fileMode };
      });
    });
  }

  async pushManifest(
    bytes: Uint8Array,
    mediaType: string,
    tag: string | undefined,
    signal: AbortSignal,
  ): Promise<Digest> {
    const digest = digestOf(bytes);
    await this.#prepare();
    await this.#whileMade((blobs) => place(blobs, digestHex(digest), bytes));
    // A manifest without tag and subject is part of an index that is pushed next.
    if (tag === undefined && parseManifest(bytes, mediaType, this.name).subject === undefined) return digest;
    await this.#whileLocked(signal, async () => {
      const index = await this.#readIndex();
      const isReplaced = (entry: Entry): boolean =>
        tag === undefined ? entry.digest === digest && tagOf(entry) === undefined : tagOf(entry) === tag;
      const others = index.manifests.filter((entry) => !isReplaced(entry));
      const own = { mediaType, digest, size: bytes.byteLength };
      const entry = tag === undefined ? own : { ...own, annotations: { [annotationKeys.refName]: tag } };
      const manifests = [...others, entry];
      await this.#writeIndex({ ...index, manifests });
    });
    return digest;
  }

  async deleteTag(tag: string, signal: AbortSignal): Promise<void> {
    await this.#removeEntries((entry) => tagOf(entry) === tag, signal);
  }

  async deleteManifest(digest: Digest, signal: AbortSignal): Promise<void> {
    await this.#removeEntries((entry) => entry.digest === digest, signal);
  }

  /** Removes entries from the index, then the unreachable blobs. */
  async #removeEntries(isRemoved: (entry: Entry) => boolean, signal: AbortSignal): Promise<void> {
    await this.#whileLocked(signal, async () => {
      const index = await this.#readIndex();
      const manifests = index.manifests.filter((entry) => !isRemoved(entry));
      await holdingBlobs(this.#path, "leave", async (blobs) => {
        await this.#writeIndex({ ...index, manifests });
        if (blobs !== undefined) await removeUnnamed(blobs, this.#path, manifests, this.#context.now());
      });
    });
  }

  /** Prevents lost updates of the index by concurrent writers. */
  async #whileLocked(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    await holdingLayout(this.#path, async (folder) => {
      if (folder === undefined) throw this.#notThere();
      const place = { folder, name: ".index.json.lock", file: join(this.#path, "index.json") };
      await withOwnMutex(place, this.#context, signal, work);
    });
  }

  /** `lstat()` of a blob's file. */
  async #look(digest: Digest): Promise<Stats | undefined> {
    return await holdingBlobs(this.#path, "leave", async (blobs) => await blobs?.look(digestHex(digest)));
  }

  async #whileMade(work: (blobs: HeldFolder) => Promise<void>): Promise<void> {
    await holdingBlobs(this.#path, "make", async (blobs) => {
      if (blobs === undefined) throw this.#notThere();
      await work(blobs);
    });
  }

  async #writeIndex(index: Index): Promise<void> {
    await holdingLayout(this.#path, async (root) => {
      if (root === undefined) throw this.#notThere();
      await place(root, "index.json", new TextEncoder().encode(JSON.stringify(index)));
    });
  }

  /** Creates the layout if missing. */
  async #prepare(): Promise<void> {
    try {
      await makeFolder(this.#path);
      await this.#whileMade(async () => {});
      await holdingLayout(this.#path, async (root) => {
        if (root === undefined || (await root.look("oci-layout")) !== undefined) return;
        await place(root, "oci-layout", new TextEncoder().encode(marker));
      });
    } catch (cause) {
      throw localIoError(`write to ${this.name}`, cause);
    }
    await this.#checkMarker();
  }

  async #readManifest(digest: Digest, what: string): Promise<Uint8Array> {
    return await holdingBlobs(this.#path, "leave", (blobs) => readLayoutManifest(blobs, digest, this.#path, what));
  }

  #notThere(): Error {
    return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: the layout folder ${this.#path}`, {
      hint: "check the path; it is relative to the working folder, in a lock file to the lock file's folder",
    });
  }

  async #checkMarker(): Promise<void> {
    await holdingLayout(this.#path, async (root) => {
      if (root !== undefined && (await readDocument(root, "oci-layout", markerSchema)) !== undefined) return;
      if (root === undefined && (await stat(this.#path).catch(() => undefined)) === undefined) throw this.#notThere();
      throw invalidLayout(this.#path, "it has no file `oci-layout`");
    });
  }

  async #readIndex(): Promise<Index> {
    return (
      (await holdingLayout(
        this.#path,
        async (root) => root && (await readDocument(root, "index.json", indexSchema)),
      )) ?? {
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [],
      }
    );
  }
}

async function place(folder: HeldFolder, name: string, bytes: Uint8Array): Promise<void> {
  await folder.place(name, async (staged) => {
    const handle = await open(staged, "wx");
    await handle.writeFile(bytes).finally(() => handle.close());
    return { mode: fileMode };
  });
}

/** @param path The layout's folder; a write creates it. */
export function openLayout(path: string, context: Context): Target {
  return new Layout(path, context);
}
