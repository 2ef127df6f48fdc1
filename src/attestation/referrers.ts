/**
 * Everything that refers to an artifact: signatures, bills of materials, provenance, and what refers to these.
 *
 * Whoever may push can attach anything, in any number: lists and documents are bounded, and a failure costs one entry.
 */

import type { Services } from "../artifact/services.ts";
import { ArtifactNotFoundError, asError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { ImageIndex } from "../model/manifest.ts";
import type { Target } from "../model/source.ts";
import { inParallel, limitTo } from "../parallel.ts";
import { cosignTag } from "../signature/cosign-tags.ts";
import type { Run } from "../transfer/run.ts";
import {
  type ByteBudget,
  type FoundReferrer,
  type ReferrerInfo,
  readReferrer,
  type SubjectNames,
  unreadReferrer,
} from "./referrer.ts";

export interface ReferrersInfo {
  readonly referrers: readonly ReferrerInfo[];
  /** Why the list is incomplete; undefined for a complete list. */
  readonly missing: string | undefined;
}

/** Referrers in the result; real artifacts have a handful. */
const maxListed = 1000;
/** Referrers whose manifests and documents are read. */
const maxRead = 100;
/** Bytes of all manifests and documents that are read. */
const maxBytes = 32 * 1024 * 1024;
/** At a time: each may hold a manifest of 4 MiB, or a document of the same size. */
const maxReading = 8;
/** Referrers of referrers, such as the signature of a bill of materials. */
const maxDepth = 3;

/** Tags of cosign 2, beside those of the specification. */
const cosignSuffixes = ["sig", "att"] as const;

/** BuildKit's annotations of an index entry. @see moby/buildkit, docs/attestations/attestation-storage.md */
const buildKit = { type: "vnd.docker.reference.type", subject: "vnd.docker.reference.digest" } as const;

class Collection {
  readonly #source: Target;
  readonly #services: Services;
  readonly #run: Run;
  readonly #asked = new Set<Digest>();
  readonly #found: ReferrerInfo[] = [];
  readonly #budget: ByteBudget = { left: maxBytes };
  readonly #reading = limitTo(maxReading);
  #listed = 0;
  #read = 0;
  #missing: string | undefined;

  constructor(source: Target, services: Services, run: Run) {
    this.#source = source;
    this.#services = services;
    this.#run = run;
  }

  get result(): ReferrersInfo {
    return { referrers: this.#found, missing: this.#missing };
  }

  /** In the order of the subjects, so that two calls print the same. */
  async collect(subjects: readonly SubjectNames[], inIndex: readonly FoundReferrer[]): Promise<void> {
    let next = subjects;
    let extra = inIndex;
    for (let depth = 0; depth < maxDepth && next.length > 0; depth += 1) {
      // Two platforms may have the same manifest.
      const fresh = next.filter(({ digest }) => !this.#asked.has(digest) && this.#asked.add(digest));
      const lists = await inParallel(fresh, this.#run.signal, (subject) => this.#list(subject));
      const found = [...lists.flat(), ...extra];
      const infos = await inParallel(this.#bounded(found), this.#run.signal, (one) => this.#readOne(one));
      this.#found.push(...infos);
      const readable = infos.filter(({ kind, problem }) => kind !== "signature" && problem === undefined);
      next = readable.map(({ digest, documents }) => ({
        digest,
        names: new Set([digest, ...documents.map((document) => document.digest)]),
      }));
      extra = [];
    }
  }

  #bounded(found: readonly FoundReferrer[]): readonly FoundReferrer[] {
    const kept = found.slice(0, maxListed - this.#listed);
    this.#listed += kept.length;
    if (kept.length < found.length) this.#note(`more than ${maxListed} referrers: the rest is left out`);
    return kept;
  }

  async #readOne(found: FoundReferrer): Promise<ReferrerInfo> {
    if (this.#read >= maxRead) return unreadReferrer(found, `only the first ${maxRead} referrers are read`);
    this.#read += 1;
    const from = { source: this.#source, budget: this.#budget };
    return await this.#reading.run(() => readReferrer(found, from, this.#services, this.#run));
  }

  #note(why: string): void {
    this.#missing ??= why;
  }

  async #list(subject: SubjectNames): Promise<readonly FoundReferrer[]> {
    const { digest } = subject;
    const listing = this.#orNote([], async () => {
      const listed = await this.#source.listReferrers(digest, this.#run.signal);
      return listed.map((one): FoundReferrer => ({ ...one, foundBy: "referrers", subject }));
    });
    const tags = cosignSuffixes.map((suffix) =>
      this.#orNote([], async (): Promise<readonly FoundReferrer[]> => {
        const tag = cosignTag(digest, suffix);
        const { digest: own } = await this.#source.fetchManifest(tag, this.#run.signal);
        // Some registries answer every tag with one manifest.
        if (own === digest) return [];
        return [{ digest: own, foundBy: "tag", subject, annotations: {}, artifactType: undefined }];
      }),
    );
    const found = (await Promise.all([listing, ...tags])).flat();
    // A list may name one referrer several times.
    return [...new Map(found.map((one) => [one.digest, one])).values()];
  }

  /** A registry that fails in the middle costs a part of the list, and the result says so. */
  async #orNote<T>(otherwise: T, work: () => Promise<T>): Promise<T> {
    try {
      return await this.#services.limitOpen(work);
    } catch (error) {
      this.#run.signal.throwIfAborted();
      if (!(error instanceof ArtifactNotFoundError)) this.#note(asError(error).message);
      return otherwise;
    }
  }
}

function inIndexOf(index: ImageIndex | undefined, subjects: readonly SubjectNames[]): readonly FoundReferrer[] {
  return (index?.manifests ?? []).flatMap((entry): readonly FoundReferrer[] => {
    if (entry.annotations[buildKit.type] !== "attestation-manifest") return [];
    const subject = subjects.find(({ digest }) => digest === entry.annotations[buildKit.subject]);
    return subject === undefined ? [] : [{ ...entry, foundBy: "index", subject }];
  });
}

/**
 * Lists what refers to the subjects, and reads it within limits.
 *
 * @param index The artifact's index, which may list attestations itself.
 * @throws the signal's reason; other failures are part of the result
 */
export async function collectReferrers(
  { source, subjects, index }: CollectedArtifact,
  services: Services,
  run: Run,
): Promise<ReferrersInfo> {
  const collection = new Collection(source, services, run);
  await collection.collect(subjects, inIndexOf(index, subjects));
  return collection.result;
}

export interface CollectedArtifact {
  readonly source: Target;
  readonly subjects: readonly SubjectNames[];
  readonly index: ImageIndex | undefined;
}
