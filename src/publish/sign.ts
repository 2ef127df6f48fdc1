/** A signature beside a manifest: a referrer that cosign finds. The same key signs a manifest once. */
import type { Services } from "../artifact/services.ts";
import { asError } from "../errors.ts";
import { type Digest, digestOf } from "../model/digest.ts";
import { type Descriptor, parseManifest } from "../model/manifest.ts";
import { type BlobIdentity, restOf, type Source, type Target } from "../model/source.ts";
import { signatureTypes } from "../signature/media-types.ts";
import type { SigningKey } from "../signature/signing-key.ts";
import { bundleAnnotations, isBundleOf, writeBundle } from "../signature/write-bundle.ts";
import { type MovedTag, moveTag, type TaggedManifest } from "./move-tag.ts";
import { layerOfBytes, type NewReferrer, pushReferrer } from "./referrer.ts";

export interface Signature {
  /** Digest of the signature's own manifest. */
  readonly digest: Digest;
  /** False if the same key had signed the manifest before. */
  readonly isNew: boolean;
  readonly key: Pick<SigningKey, "algorithm" | "fingerprint" | "hint">;
}

export interface Signing {
  readonly subject: NewReferrer["subject"];
  readonly key: SigningKey;
}

/** A manifest that gets a tag, and a signature before if there is a key. */
export interface RootToSign extends TaggedManifest {
  readonly key: SigningKey | undefined;
  /** Makes the provenance of the pushed manifest; undefined: none is written. */
  readonly provenance: ((subject: NewReferrer["subject"]) => NewReferrer) | undefined;
}

export interface SignedRoot extends MovedTag {
  readonly signature: Signature | undefined;
  /** Digest of the provenance's manifest. */
  readonly provenance: Digest | undefined;
}

/** Pushes a manifest with its provenance, signs it, and moves the tag last: the tag never means an artifact without the signature. */
export async function signThenTag(
  { key, provenance, ...root }: RootToSign,
  target: Target,
  services: Pick<Services, "context">,
  signal: AbortSignal,
): Promise<SignedRoot> {
  if (key === undefined && provenance === undefined) {
    return { ...(await moveTag(root, target, services, signal)), signature: undefined, provenance: undefined };
  }
  const { bytes, mediaType } = root;
  const digest = await target.pushManifest(bytes, mediaType, undefined, signal);
  const subject = { mediaType, digest, size: bytes.byteLength };
  const written = provenance && (await pushReferrer(provenance(subject), target, signal));
  const signature = key && (await signManifest({ subject, key }, target, services, signal));
  return { ...(await moveTag(root, target, services, signal)), signature, provenance: written?.digest };
}

/** Signatures that are compared before another one is written. */
const maxCompared = 100;
/** A bundle with a key has 700 bytes. */
const maxBundleBytes = 64 * 1024;

/** Signs a manifest that the target has. */
export async function signManifest(
  { subject, key }: Signing,
  target: Target,
  { context }: Pick<Services, "context">,
  signal: AbortSignal,
): Promise<Signature> {
  const { algorithm, fingerprint, hint } = key;
  const earlier = await findEarlier({ subject, key }, target, { context }, signal);
  if (earlier !== undefined) return { digest: earlier, isNew: false, key: { algorithm, fingerprint, hint } };
  const referrer = {
    subject,
    artifactType: signatureTypes.bundle,
    layers: [layerOfBytes(writeBundle(subject.digest, key), signatureTypes.bundle)],
    annotations: bundleAnnotations(new Date(context.now())),
  };
  const { digest } = await pushReferrer(referrer, target, signal);
  return { digest, isNew: true, key: { algorithm, fingerprint, hint } };
}

/** The signature that the same key wrote before. Anybody who may push wrote the other referrers: none stops the search. */
async function findEarlier(
  { subject, key }: Signing,
  target: Target,
  { context }: Pick<Services, "context">,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  const listed = await target.listReferrers(subject.digest, signal);
  const signatures = listed.filter(
    ({ artifactType }) => artifactType === signatureTypes.bundle || artifactType === undefined,
  );
  for (const { digest } of signatures.slice(0, maxCompared)) {
    try {
      const bundle = await fetchBundle({ subject, digest }, target, signal);
      if (bundle !== undefined && isBundleOf(bundle, subject.digest, key)) return digest;
    } catch (error) {
      signal.throwIfAborted();
      context.log.debug(`the referrer ${digest} of ${target.name}@${subject.digest}: ${asError(error).message}`);
    }
  }
  return undefined;
}

interface Listed {
  readonly subject: Signing["subject"];
  readonly digest: Digest;
}

/** @returns Undefined for a manifest that verifiers would not find: lists of referrers may name anything */
async function fetchBundle(
  { subject, digest }: Listed,
  source: Source,
  signal: AbortSignal,
): Promise<Uint8Array | undefined> {
  const { bytes, mediaType } = await source.fetchManifest(digest, signal);
  const manifest = parseManifest(bytes, mediaType, `${source.name}@${digest}`);
  if (manifest.artifactType !== signatureTypes.bundle || manifest.subject?.digest !== subject.digest) return undefined;
  const [layer, ...others] = manifest.kind === "manifest" ? manifest.layers : [];
  if (layer === undefined || others.length > 0 || !isBundle(layer)) return undefined;
  return await fetchSmall(source, layer, signal);
}

function isBundle({ mediaType, size }: Descriptor): boolean {
  return mediaType === signatureTypes.bundle && size <= maxBundleBytes;
}

/** @returns Undefined for other bytes than the digest's */
async function fetchSmall(source: Source, blob: BlobIdentity, signal: AbortSignal): Promise<Uint8Array | undefined> {
  const { bytes } = await source.openBlob(blob, restOf(blob, 0), signal);
  const pieces: Uint8Array[] = [];
  let size = 0;
  for await (const piece of bytes) {
    size += piece.byteLength;
    if (size > blob.size) return undefined;
    pieces.push(piece);
  }
  const whole = Buffer.concat(pieces);
  return digestOf(whole) === blob.digest ? whole : undefined;
}
