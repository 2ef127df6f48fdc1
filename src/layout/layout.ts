/**
 * An OCI image layout folder as `Source` and `Target`: the registry that needs no server.
 *
 * @see OCI image-spec v1.1.1, image-layout.md
 */
import { createReadStream } from "node:fs";
import { open, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { ArtifactNotFoundError, ContentVerificationError, isErrno, localIoError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { writeHashed } from "../files/hashed-write.ts";
import { withOwnLock } from "../files/lock.ts";
import { placeAtomically } from "../files/place.ts";
import { type Digest, digestHex, digestOf, isDigest } from "../model/digest.ts";
import {
  acceptedManifestTypes,
  annotationKeys,
  type Descriptor,
  maxManifestBytes,
  mediaTypes,
  parseManifest,
} from "../model/manifest.ts";
import { isTag } from "../model/reference.ts";
import {
  type BlobIdentity,
  type BlobStream,
  type ByteRange,
  type FetchedManifest,
  type OpenedBlob,
  restOf,
  type Target,
} from "../model/source.ts";
import {
  type Entry,
  type Index,
  indexSchema,
  invalidLayout,
  marker,
  markerSchema,
  mediaTypeOf,
  readDocument,
  tagOf,
} from "./documents.ts";
import { removeUnnamed } from "./garbage.ts";

const fileMode = 0o644;

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
    const entry = isDigest(version) ? undefined : await this.#findTag(version);
    const digest = entry?.digest ?? (isDigest(version) ? version : undefined);
    const what = `${this.name}${isDigest(version) ? "@" : ":"}${version}`;
    if (digest === undefined) {
      throw new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${what}`, {
        hint: `\`buck2-oras list ${this.name}\` lists the tags of the layout`,
      });
    }
    const bytes = await this.#readManifest(digest, what);
    return { digest, mediaType: entry?.mediaType ?? mediaTypeOf(bytes), bytes };
  }

  async resolve(version: Digest | string, signal: AbortSignal): Promise<Digest> {
    return (await this.fetchManifest(version, signal)).digest;
  }

  /** Always to the end: a folder is not faster in parts. */
  async openBlob(blob: BlobIdentity, { first }: ByteRange, signal: AbortSignal): Promise<OpenedBlob> {
    const path = this.#blobPath(blob.digest);
    try {
      await stat(path);
    } catch (cause) {
      throw this.#missing(cause, path, `${this.name}@${blob.digest}`);
    }
    const bytes = createReadStream(path, { start: first, highWaterMark: 1024 * 1024, signal });
    return { range: restOf(blob, first), bytes, discard: async () => void bytes.destroy() };
  }

  async listTags(_signal: AbortSignal): Promise<readonly string[]> {
    await this.#checkMarker();
    const names = new Set((await this.#readIndex()).manifests.map(tagOf).filter((name) => name !== undefined));
    const tags = [...names].filter(isTag);
    // Some programs write whole references there.
    if (tags.length < names.size) {
      const count = names.size - tags.length;
      this.#context.log.warn(`${this.name} lists ${count} names that no tag can have; they are left out`);
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
      const artifactType = parsed.kind === "manifest" ? parsed.artifactType : undefined;
      const { annotations } = parsed;
      found.push({ mediaType, digest: entry.digest, size, annotations, artifactType, platform: undefined });
    }
    return found;
  }

  async hasManifest(digest: Digest, _signal: AbortSignal): Promise<boolean> {
    return (await stat(this.#blobPath(digest)).catch(() => undefined))?.isFile() === true;
  }

  /** There is one folder of blobs: what is in it needs no mounting. */
  async mountBlob(): Promise<boolean> {
    return false;
  }

  async hasBlob(blob: BlobIdentity, _signal: AbortSignal): Promise<boolean> {
    const stats = await stat(this.#blobPath(blob.digest)).catch(() => undefined);
    return stats?.isFile() === true && stats.size === blob.size;
  }

  async pushBlob(blob: BlobIdentity, open: () => BlobStream, signal: AbortSignal): Promise<void> {
    const wrong = (): Error =>
      new ContentVerificationError("BLOB_DIGEST_MISMATCH", `what was read for ${blob.digest} is something else`, {
        hint: "the file was changed while it was pushed: push it again",
      });
    await this.#prepare();
    await placeAtomically(this.#blobPath(blob.digest), async (staged) => {
      const written = await writeHashed(staged, open(), { maxBytes: blob.size, tooLong: wrong }, signal);
      if (written.digest !== blob.digest) throw wrong();
      return { mode: fileMode };
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
    await this.#write(this.#blobPath(digest), bytes);
    // What has no tag and no subject is part of what gets a tag next.
    if (tag === undefined && parseManifest(bytes, mediaType, this.name).subject === undefined) return digest;
    await this.#whileLocked(signal, async () => {
      const index = await this.#readIndex();
      const isReplaced = (entry: Entry): boolean =>
        tag === undefined ? entry.digest === digest && tagOf(entry) === undefined : tagOf(entry) === tag;
      const others = index.manifests.filter((entry) => !isReplaced(entry));
      const own = { mediaType, digest, size: bytes.byteLength };
      const entry = tag === undefined ? own : { ...own, annotations: { [annotationKeys.refName]: tag } };
      const manifests = [...others, entry];
      await this.#write(
        join(this.#path, "index.json"),
        new TextEncoder().encode(JSON.stringify({ ...index, manifests })),
      );
    });
    return digest;
  }

  async deleteTag(tag: string, signal: AbortSignal): Promise<void> {
    await this.#removeEntries((entry) => tagOf(entry) === tag, signal);
  }

  async deleteManifest(digest: Digest, signal: AbortSignal): Promise<void> {
    await this.#removeEntries((entry) => entry.digest === digest, signal);
  }

  /** Takes entries out of the index, and then the blobs that nothing names any more. */
  async #removeEntries(isRemoved: (entry: Entry) => boolean, signal: AbortSignal): Promise<void> {
    await this.#whileLocked(signal, async () => {
      const index = await this.#readIndex();
      const manifests = index.manifests.filter((entry) => !isRemoved(entry));
      const text = JSON.stringify({ ...index, manifests });
      await this.#write(join(this.#path, "index.json"), new TextEncoder().encode(text));
      await removeUnnamed(join(this.#path, "blobs", "sha256"), manifests, this.#context.now());
    });
  }

  /** Two that read, change and write the index at once would lose what one of them wrote. */
  async #whileLocked(signal: AbortSignal, work: () => Promise<void>): Promise<void> {
    const index = join(this.#path, "index.json");
    await withOwnLock(join(this.#path, ".index.json.lock"), index, this.#context, signal, work);
  }

  #blobPath(digest: Digest): string {
    return join(this.#path, "blobs", "sha256", digestHex(digest));
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    await placeAtomically(path, async (staged) => {
      const handle = await open(staged, "wx");
      await handle.writeFile(bytes).finally(() => handle.close());
      return { mode: fileMode };
    });
  }

  /** Makes the layout where there is none. */
  async #prepare(): Promise<void> {
    const markerPath = join(this.#path, "oci-layout");
    try {
      await makeFolder(join(this.#path, "blobs", "sha256"));
      await stat(markerPath);
    } catch (cause) {
      if (!isErrno(cause, "ENOENT")) throw localIoError(`write to ${this.name}`, cause);
      await this.#write(markerPath, new TextEncoder().encode(marker));
    }
    await this.#checkMarker();
  }

  async #readManifest(digest: Digest, what: string): Promise<Uint8Array> {
    const path = this.#blobPath(digest);
    let bytes: Uint8Array;
    try {
      const { size } = await stat(path);
      if (size > maxManifestBytes) {
        throw new ContentVerificationError(
          "MANIFEST_TOO_LARGE",
          `the manifest of ${what} has ${size} bytes; at most ${maxManifestBytes} are read`,
        );
      }
      bytes = await readFile(path);
    } catch (cause) {
      throw this.#missing(cause, path, what);
    }
    const actual = digestOf(bytes);
    if (actual === digest) return bytes;
    throw new ContentVerificationError(
      "MANIFEST_DIGEST_MISMATCH",
      `the manifest of ${what} in the layout is ${actual}`,
      {
        hint: "the layout folder was changed or cut short: copy it anew",
      },
    );
  }

  #missing(cause: unknown, path: string, what: string): Error {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) {
      return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${what}`, { cause });
    }
    return localIoError(`read ${path}`, cause);
  }

  async #checkMarker(): Promise<void> {
    if ((await readDocument(this.#path, "oci-layout", markerSchema)) !== undefined) return;
    const folder = await stat(this.#path).catch(() => undefined);
    if (folder === undefined) {
      throw new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: the layout folder ${this.#path}`, {
        hint: "the folder is named from the working folder; in a lock file from that file's folder",
      });
    }
    throw invalidLayout(this.#path, "it has no file `oci-layout`");
  }

  async #readIndex(): Promise<Index> {
    return (
      (await readDocument(this.#path, "index.json", indexSchema)) ?? {
        schemaVersion: 2,
        mediaType: mediaTypes.ociIndex,
        manifests: [],
      }
    );
  }

  /** Some writers put a whole reference into the annotation; its tag counts too. */
  async #findTag(tag: string): Promise<Entry | undefined> {
    const { manifests } = await this.#readIndex();
    return (
      manifests.find((entry) => tagOf(entry) === tag) ??
      manifests.find((entry) => tagOf(entry)?.endsWith(`:${tag}`) === true)
    );
  }
}

/** @param path Folder; it need not exist until something is read. */
export function openLayout(path: string, context: Context): Target {
  return new Layout(path, context);
}
