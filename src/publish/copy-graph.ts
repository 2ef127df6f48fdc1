/**
 * Copy of a manifest's graph, and of its referrers, from a source to a target.
 *
 * Children are copied before parents, so that no manifest in the target names missing content. Content that the target
 * has is not sent.
 */

import { fetchBlob } from "../artifact/fetch.ts";
import { withDamageRepaired } from "../artifact/repair.ts";
import { fetchManifestByDigest } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { noProgress } from "../context.ts";
import { ArtifactNotFoundError, ContentVerificationError } from "../errors.ts";
import { type OpenedFile, piecesOf } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import {
  annotationKeys,
  blobsOf,
  type Descriptor,
  type ImageIndex,
  type ImageManifest,
  parseManifest,
} from "../model/manifest.ts";
import type { BlobIdentity, FetchedManifest, Target } from "../model/source.ts";
import { anySignal, inParallel } from "../parallel.ts";
import { cosignTags, fetchTagged } from "../signature/cosign-tags.ts";
import { type Run, withSignal } from "../transfer/run.ts";
import { hasAllOf } from "./cosign-parts.ts";

export interface CopyCounts {
  /** Manifests and indexes that the target lacked. */
  manifestsCopied: number;
  manifestsPresent: number;
  blobsCopied: number;
  /** Mounted from another repository of the same registry, without a transfer. */
  blobsMounted: number;
  blobsPresent: number;
  /** Bytes of blobs and manifests. */
  bytesSent: number;
}

export function noCounts(): CopyCounts {
  const blobs = { blobsCopied: 0, blobsMounted: 0, blobsPresent: 0 };
  return { manifestsCopied: 0, manifestsPresent: 0, ...blobs, bytesSent: 0 };
}

const pieceBytes = 1024 * 1024;
/** Smaller blobs, such as configs, are sent without a word. */
const minShownBytes = 1024;

/** Deeper than any real index of indexes; a longer chain is an attack. */
const maxDepth = 8;

/** Limit of one copy, referrers included; an artifact of all platforms with signatures has about a hundred. */
const maxManifests = 10_000;
const maxManifestsBytes = 512 * 1024 ** 2;

/** Media types of layers that a registry may lack (image-spec, layer.md, "Non-Distributable Layers"). */
const optionalLayer = /nondistributable|foreign/;

export interface GraphCopyOptions {
  readonly source: Target;
  readonly target: Target;
  /** Also copy referrers, such as signatures. */
  readonly withReferrers: boolean;
}

export class GraphCopy {
  readonly counts: CopyCounts = noCounts();
  readonly #options: GraphCopyOptions;
  readonly #services: Services;
  readonly #failing = new AbortController();
  /** Also aborted after a failure of any part: several parents may share a part. */
  readonly #run: Run;
  readonly #signal: AbortSignal;
  /** Digests of the manifests that a copied index lists; none for other manifests. */
  readonly #manifests = new Map<Digest, Promise<readonly Digest[]>>();
  readonly #referred = new Set<Digest>();
  readonly #blobs = new Map<Digest, Promise<void>>();
  /** Manifests named so far; a manifest with two parents counts twice. */
  #named = 0;
  #manifestsBytes = 0;

  constructor(options: GraphCopyOptions, services: Services, run: Run) {
    this.#options = options;
    this.#services = services;
    this.#signal = anySignal(run.signal, this.#failing.signal);
    this.#run = withSignal(run, this.#signal);
  }

  /**
   * Copies the graph of a fetched manifest, and writes the tag last.
   *
   * @returns The manifest that the tag meant before; undefined for a new or unchanged tag.
   */
  async copyRoot(root: FetchedManifest, tag: string | undefined): Promise<Digest | undefined> {
    const { target, withReferrers } = this.#options;
    await this.#copyOnce(root.digest, root, 0);
    if (withReferrers) {
      await this.#copyReferrers(root.digest, 0);
      const family = await this.#familyOf(root.digest, new Set());
      await inParallel([...family].flatMap(cosignTags), this.#signal, (one) => this.#orAll(this.#copyTagged(one)));
    }
    if (tag === undefined) return undefined;
    const before = (await fetchTagged(target, tag, this.#signal))?.digest;
    if (before === root.digest) return undefined;
    await target.pushManifest(root.bytes, root.mediaType, tag, this.#signal);
    this.counts.bytesSent += root.bytes.byteLength;
    return before;
  }

  /** Aborts the whole copy after a failure of `part`. */
  async #orAll<T>(part: Promise<T>): Promise<T> {
    try {
      return await part;
    } catch (error) {
      this.#failing.abort(error);
      throw error;
    }
  }

  /** Runs work with open connections or files, within their limit. */
  #opening<T>(work: () => Promise<T>): Promise<T> {
    return this.#services.limitOpen(async () => {
      this.#signal.throwIfAborted();
      return await work();
    });
  }

  /** Copies each manifest once, even with several parents. */
  #copyOnce(digest: Digest, fetched: FetchedManifest | undefined, depth: number): Promise<readonly Digest[]> {
    let copying = this.#manifests.get(digest);
    if (copying === undefined) {
      copying = this.#orAll(this.#copyManifest(digest, fetched, depth));
      this.#manifests.set(digest, copying);
    }
    return copying;
  }

  async #copyManifest(digest: Digest, known: FetchedManifest | undefined, depth: number): Promise<readonly Digest[]> {
    const { source, target } = this.#options;
    const what = `${source.name}@${digest}`;
    if (depth > maxDepth) {
      throw new ArtifactNotFoundError(
        "ARTIFACT_NOT_FOUND",
        `${what} lies more than ${maxDepth} indexes deep and was not found`,
      );
    }
    const fetch = (): Promise<FetchedManifest> => fetchManifestByDigest(source, digest, this.#services, this.#run);
    const fetched = known ?? (await this.#opening(fetch));
    const parsed = parseManifest(fetched.bytes, fetched.mediaType, what);
    this.#count(parsed.kind === "index" ? parsed.manifests.length : 0, fetched.bytes.byteLength);
    if (await this.#opening(() => target.hasManifest(digest, this.#signal))) this.counts.manifestsPresent += 1;
    else {
      await this.#copyParts(parsed, depth);
      await this.#opening(() => target.pushManifest(fetched.bytes, fetched.mediaType, undefined, this.#signal));
      this.counts.manifestsCopied += 1;
      this.counts.bytesSent += fetched.bytes.byteLength;
    }
    return parsed.kind === "index" ? parsed.manifests.map((child) => child.digest) : [];
  }

  /**
   * Copies what refers to a manifest and, for an index, to the manifests in it, even if the target has these.
   *
   * Only the first caller waits for a manifest's referrers: an index may list the manifest to which it refers, and a
   * fallback tag may list its own subject.
   */
  async #copyReferrers(digest: Digest, depth: number): Promise<void> {
    if (this.#referred.has(digest)) return;
    this.#referred.add(digest);
    const children = await this.#copyOnce(digest, undefined, depth);
    const listed = await this.#opening(() => this.#options.source.listReferrers(digest, this.#signal));
    this.#count(listed.length, 0);
    const next = [...listed.map((referrer) => referrer.digest), ...children];
    await inParallel(next, this.#signal, (one) => this.#orAll(this.#copyReferrers(one, depth + 1)));
    if (listed.length > 0) await this.#orAll(this.#listAgain(digest, listed));
  }

  /** An interrupted copy may have left referrers that the target has and does not list: these are pushed once more. */
  async #listAgain(subject: Digest, listed: readonly Descriptor[]): Promise<void> {
    const { source, target } = this.#options;
    const there = await this.#opening(() => target.listReferrers(subject, this.#signal));
    const known = new Set(there.map(({ digest }) => digest));
    for (const { digest } of listed.filter((one) => !known.has(one.digest))) {
      await this.#opening(async () => {
        const { bytes, mediaType } = await fetchManifestByDigest(source, digest, this.#services, this.#run);
        if (parseManifest(bytes, mediaType, `${source.name}@${digest}`).subject?.digest !== subject) return;
        await target.pushManifest(bytes, mediaType, undefined, this.#signal);
        this.counts.bytesSent += bytes.byteLength;
      });
    }
  }

  /** A manifest and, for an index, all manifests in it. */
  async #familyOf(digest: Digest, family: Set<Digest>): Promise<ReadonlySet<Digest>> {
    if (family.has(digest)) return family;
    family.add(digest);
    for (const child of await this.#copyOnce(digest, undefined, 0)) await this.#familyOf(child, family);
    return family;
  }

  /** Copies what a tag of cosign holds. A tag of the target with signatures of its own stays. */
  async #copyTagged(tag: string): Promise<void> {
    const { source, target } = this.#options;
    const found = await this.#opening(() => fetchTagged(source, tag, this.#signal));
    if (found === undefined) return;
    this.#count(1, 0);
    const before = await this.#opening(() => fetchTagged(target, tag, this.#signal));
    if (before?.digest === found.digest) return;
    if (before !== undefined && !hasAllOf(found, before)) {
      this.#services.context.log.warn(`${target.name}:${tag} stays: it has signatures that ${source.name} lacks`);
      return;
    }
    await this.#copyOnce(found.digest, found, 0);
    await this.#opening(() => target.pushManifest(found.bytes, found.mediaType, tag, this.#signal));
  }

  /** Checks the limits before any named manifest is requested: a registry may invent endless lists. */
  #count(named: number, manifestBytes: number): void {
    this.#named += named;
    this.#manifestsBytes += manifestBytes;
    if (this.#named <= maxManifests && this.#manifestsBytes <= maxManifestsBytes) return;
    const { name } = this.#options.source;
    const limit = `${maxManifests} manifests, or ${maxManifestsBytes} bytes of them`;
    throw new ContentVerificationError("MANIFEST_TOO_LARGE", `the artifact of ${name} names more than ${limit}`, {
      hint: "copy a part of the artifact by the part's digest, or leave out the referrers",
    });
  }

  async #copyParts(parsed: ImageManifest | ImageIndex, depth: number): Promise<void> {
    if (parsed.kind === "index") await this.#copyChildren(parsed, depth);
    else await inParallel(blobsOf(parsed), this.#signal, (blob) => this.#copyBlobOnce(blob));
  }

  async #copyChildren(index: ImageIndex, depth: number): Promise<void> {
    await inParallel(index.manifests, this.#signal, ({ digest }) => this.#copyOnce(digest, undefined, depth + 1));
  }

  #copyBlobOnce(blob: Descriptor): Promise<void> {
    let copying = this.#blobs.get(blob.digest);
    if (copying === undefined) {
      copying = this.#orAll(this.#opening(() => this.#copyBlob(blob)));
      this.#blobs.set(blob.digest, copying);
    }
    return copying;
  }

  /** Copies a blob through the cache: only verified bytes are sent, and an interrupted copy resumes. */
  async #copyBlob(descriptor: Descriptor): Promise<void> {
    const { source, target } = this.#options;
    const { digest, size } = descriptor;
    const blob = { digest, size };
    const label = descriptor.annotations?.[annotationKeys.title] ?? digest.slice(0, "sha256:".length + 12);
    const signal = this.#signal;
    if (await target.hasBlob(blob, signal)) {
      this.counts.blobsPresent += 1;
      return;
    }
    if (await target.mountBlob(blob, source, signal)) {
      this.counts.blobsMounted += 1;
      return;
    }
    await withDamageRepaired(this.#services, async (services) => {
      try {
        await fetchBlob({ source, blob, label, isRelayed: true }, services, this.#run);
      } catch (error) {
        if (error instanceof ArtifactNotFoundError && optionalLayer.test(descriptor.mediaType)) return;
        throw error;
      }
      const send = (): Promise<void> => services.store.read(digest, signal, (file) => this.#send(blob, label, file));
      await services.slots.run(send);
      this.counts.blobsCopied += 1;
      this.counts.bytesSent += size;
    });
  }

  async #send(blob: BlobIdentity, label: string, file: OpenedFile): Promise<void> {
    const { target } = this.#options;
    const progress = blob.size < minShownBytes ? noProgress : this.#services.context.progress;
    const task = progress.start(`${label} → ${target.name}`, blob.size, "send");
    const signal = this.#signal;
    const open = async function* (): AsyncGenerator<Uint8Array> {
      for await (const piece of piecesOf(file, pieceBytes, signal)) {
        task.advance(piece.byteLength);
        yield piece;
      }
    };
    await target.pushBlob(blob, open, signal).finally(task.done);
  }
}
