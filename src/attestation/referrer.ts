/** One referrer: its manifest, and what its documents say. Everything here is a claim of whoever pushed it. */

import { fetchManifestByDigest } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { readSmallBlob } from "../artifact/small-blob.ts";
import { asError } from "../errors.ts";
import { type Digest, digestHex } from "../model/digest.ts";
import {
  type Annotations,
  annotationKeys,
  type Descriptor,
  type ImageManifest,
  parseManifest,
} from "../model/manifest.ts";
import type { Target } from "../model/source.ts";
import { bundleKeys } from "../signature/media-types.ts";
import type { Run } from "../transfer/run.ts";
import { isStatementType, type Kind, kindOfPredicate, kindOfType, type ReferrerKind } from "./kinds.ts";
import { type Claims, readProvenance } from "./provenance.ts";
import { maxDocumentBytes, readDocument } from "./read-document.ts";

export interface DocumentInfo {
  readonly digest: Digest;
  readonly mediaType: string;
  /** Bytes. */
  readonly size: number;
  readonly title: string | undefined;
  /** Kind of the statement; undefined for other documents and unread ones. */
  readonly predicateType: string | undefined;
  /** Whether the statement names the artifact's manifest, or a file of it; undefined without a statement. */
  readonly namesArtifact: boolean | undefined;
  /** Claims of provenance; nobody verified them. */
  readonly says: Claims | undefined;
}

export interface ReferrerInfo {
  /** Digest of the manifest that this one refers to. */
  readonly subject: Digest;
  readonly digest: Digest;
  /** By the list of referrers, by a tag of cosign 2, or as an entry of the index (BuildKit). */
  readonly foundBy: "referrers" | "tag" | "index";
  readonly kind: ReferrerKind;
  /** The format's name for people. */
  readonly format: string | undefined;
  readonly artifactType: string | undefined;
  readonly annotations: Annotations;
  readonly documents: readonly DocumentInfo[];
  /** Why the referrer was not read; undefined for a referrer that was read. */
  readonly problem: string | undefined;
}

/** A manifest that others refer to, with every digest by which a statement may name it. */
export interface SubjectNames {
  readonly digest: Digest;
  readonly names: ReadonlySet<Digest>;
}

export type FoundReferrer = Pick<Descriptor, "digest" | "annotations" | "artifactType"> &
  Pick<ReferrerInfo, "foundBy"> & { readonly subject: SubjectNames };

/** Documents of one referrer; a signature by many people has tens. */
const maxDocuments = 100;

const other: Kind = { kind: "other", format: undefined };

/** By what the list says alone: a bundle's annotation names the kind of its statement. */
function listedKind({ artifactType, annotations }: Pick<FoundReferrer, "artifactType" | "annotations">): Kind {
  const byType = kindOfType(artifactType ?? "") ?? other;
  const predicateType = annotations[bundleKeys.predicateType];
  return byType.kind === "signature" && predicateType !== undefined ? kindOfPredicate(predicateType) : byType;
}

/** A referrer that is named and not read. */
export function unreadReferrer(found: FoundReferrer, problem: string): ReferrerInfo {
  const { subject, digest, foundBy, artifactType } = found;
  // The list may hold megabytes of annotations, and nothing is lost: the manifest has them.
  const rest = { foundBy, ...listedKind(found), artifactType, annotations: {}, documents: [], problem };
  return { subject: subject.digest, digest, ...rest };
}

/** Bytes that may still be read, over all referrers. */
export interface ByteBudget {
  left: number;
}

/** Where referrers are read from. */
export interface ReferrerSource {
  readonly source: Target;
  readonly budget: ByteBudget;
}

class LimitReached extends Error {}

function spend(budget: ByteBudget, bytes: number): void {
  if (bytes > budget.left) throw new LimitReached("the artifact's referrers are too large to read them all");
  budget.left -= bytes;
}

interface ReadLayer {
  readonly document: DocumentInfo;
  readonly kind: Kind | undefined;
}

async function readLayer(
  layer: Descriptor,
  { subject, source, budget }: Pick<FoundReferrer, "subject"> & ReferrerSource,
  services: Services,
  run: Run,
): Promise<ReadLayer> {
  const { digest, mediaType, size } = layer;
  const named = { digest, mediaType, size, title: layer.annotations[annotationKeys.title] };
  const unread = { ...named, predicateType: undefined, namesArtifact: undefined, says: undefined };
  if (!isStatementType(mediaType)) return { document: unread, kind: kindOfType(mediaType) };
  if (size > maxDocumentBytes)
    throw new LimitReached(`the document has ${size} bytes; up to ${maxDocumentBytes} are read`);
  spend(budget, size);
  const read = readDocument(await readSmallBlob({ source, blob: layer, label: "document" }, services, run));
  if (read.kind === "signature") return { document: unread, kind: kindOfType(mediaType) };
  const { predicateType, predicate, subject: subjects } = read.statement;
  const hexes = new Set([...subject.names].map(digestHex));
  const namesArtifact = subjects.some(
    (one) => Object.hasOwn(one.digest, "sha256") && hexes.has(one.digest.sha256 ?? ""),
  );
  const says = readProvenance(predicateType, predicate);
  return { document: { ...named, predicateType, namesArtifact, says }, kind: kindOfPredicate(predicateType) };
}

/** The most telling kind: of a statement, else of the artifact, else of a layer or the config. */
function kindOf(manifest: ImageManifest, found: FoundReferrer, layers: readonly ReadLayer[]): Kind {
  const stated = layers.find(({ document }) => document.predicateType !== undefined)?.kind;
  const types = [manifest.artifactType ?? found.artifactType, manifest.config?.mediaType];
  const byType = types.map((type) => kindOfType(type ?? "")).find((kind) => kind !== undefined);
  return stated ?? byType ?? layers.find(({ kind }) => kind !== undefined)?.kind ?? other;
}

/**
 * Reads a referrer and the statements in it. A referrer that cannot be read is named with the reason: whoever may push
 * could otherwise hide the others.
 */
export async function readReferrer(
  found: FoundReferrer,
  from: ReferrerSource,
  services: Services,
  run: Run,
): Promise<ReferrerInfo> {
  const { subject, digest, foundBy } = found;
  const { source, budget } = from;
  try {
    const origin = `${source.name}@${digest}`;
    const { bytes, mediaType } = await fetchManifestByDigest(source, digest, services, run);
    spend(budget, bytes.byteLength);
    const manifest = parseManifest(bytes, mediaType, origin);
    if (foundBy === "referrers" && manifest.subject?.digest !== subject.digest) {
      return unreadReferrer(found, "its manifest does not refer to this artifact");
    }
    if (manifest.kind === "index") {
      const { artifactType, annotations } = manifest;
      const kind = kindOfType(artifactType ?? "") ?? other;
      return {
        subject: subject.digest,
        digest,
        foundBy,
        ...kind,
        artifactType,
        annotations,
        documents: [],
        problem: undefined,
      };
    }
    const at = { ...from, subject };
    const layers: ReadLayer[] = [];
    for (const layer of manifest.layers.slice(0, maxDocuments)) layers.push(await readLayer(layer, at, services, run));
    return {
      subject: subject.digest,
      digest,
      foundBy,
      ...kindOf(manifest, found, layers),
      artifactType: manifest.artifactType ?? manifest.config?.mediaType,
      annotations: manifest.annotations,
      documents: layers.map(({ document }) => document),
      problem: undefined,
    };
  } catch (error) {
    run.signal.throwIfAborted();
    return unreadReferrer(found, error instanceof LimitReached ? error.message : asError(error).message);
  }
}
