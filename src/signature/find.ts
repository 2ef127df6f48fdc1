/**
 * Signatures of a manifest, as its repository lists them: referrers (by the API or the fallback tag), and cosign's own
 * tag. The registry writes the list, so nothing in the list is trusted but what a signature covers.
 */
import { fetchBlob } from "../artifact/fetch.ts";
import { withDamageRepaired } from "../artifact/repair.ts";
import { fetchManifestByDigest } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { ArtifactNotFoundError, ContentVerificationError } from "../errors.ts";
import { readBounded } from "../files/regular-file.ts";
import type { Digest } from "../model/digest.ts";
import { type Descriptor, type ImageManifest, mediaTypes, parseManifest } from "../model/manifest.ts";
import type { Target } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import { parseBundle } from "./bundle.ts";
import { refused, type Verdict } from "./check.ts";
import { cosignTag, fetchTagged } from "./cosign-tags.ts";
import { type Evidence, maxSignatureBytes } from "./evidence.ts";
import { bundleKeys, isBundleType, signatureTypes } from "./media-types.ts";
import type { SignatureForm } from "./problems.ts";
import { parseSimpleSigning } from "./simple-signing.ts";
import { signPredicateType } from "./statement.ts";

/** Referrers, and layers of cosign's own tag, that are read for one artifact; a tool has a handful of signatures. */
const maxSignatures = 100;

/** Layers that are read of one referrer: cosign writes one bundle, and one simple signature for each run. */
const maxOfReferrer = { "sigstore-bundle": 1, "simple-signing": 4 } as const;

export interface FoundSignature {
  readonly form: SignatureForm;
  /** Digest of the manifest, and of the layer for several signatures in one manifest. */
  readonly manifest: Digest;
  readonly layer: Digest | undefined;
  /** The evidence to check, or the reason that nothing can be checked. */
  readonly content: Evidence | Verdict;
}

export interface FoundSignatures {
  readonly signatures: readonly FoundSignature[];
  /** Signatures beyond the limit, which were not read. */
  readonly unread: number;
}

/** A repository, and the digest whose signatures are sought. */
export interface Signed {
  readonly source: Target;
  readonly digest: Digest;
}

/** Types that say nothing: the manifest itself tells whether it is a signature. */
function isUnstated(artifactType: string | undefined): boolean {
  return artifactType === undefined || artifactType === "" || artifactType === mediaTypes.empty;
}

function mayBeSignature({ artifactType }: Descriptor): boolean {
  if (artifactType === undefined || isUnstated(artifactType)) return true;
  const known: readonly string[] = [signatureTypes.notation, signatureTypes.simpleSigningReferrer];
  return isBundleType(artifactType) || known.includes(artifactType);
}

/** 0 for what says to be a signature, so that many attestations do not crowd it out; the hint proves nothing. */
function rank({ annotations }: Descriptor): number {
  return annotations[bundleKeys.predicateType] === signPredicateType ? 0 : 1;
}

function failure(error: unknown): Verdict {
  if (error instanceof ArtifactNotFoundError) return refused("missing", "its bytes are not in the repository");
  if (error instanceof ContentVerificationError) return refused("malformed", error.message);
  throw error;
}

async function readLayer({ source }: Signed, layer: Descriptor, services: Services, run: Run): Promise<Buffer> {
  const { digest, size } = layer;
  return await withDamageRepaired(services, async (some) => {
    await fetchBlob({ source, blob: { digest, size }, label: "signature" }, some, run);
    return await some.store.read(digest, run.signal, (file) => readBounded(file, maxSignatureBytes));
  });
}

/** The text of a simple signature has 250 bytes. */
const maxLayerBytes = { "sigstore-bundle": maxSignatureBytes, "simple-signing": 64 * 1024 } as const;

type Parse = (bytes: Buffer, layer: Descriptor) => Evidence;

const parsers: Readonly<Record<"sigstore-bundle" | "simple-signing", Parse>> = {
  "sigstore-bundle": (bytes) => parseBundle(bytes),
  "simple-signing": (bytes, { annotations }) => parseSimpleSigning(bytes, annotations),
};

function formOf({ mediaType }: Descriptor): keyof typeof parsers | undefined {
  if (isBundleType(mediaType)) return "sigstore-bundle";
  return mediaType === signatureTypes.simpleSigning ? "simple-signing" : undefined;
}

async function evidenceIn(
  signed: Signed,
  form: keyof typeof parsers,
  layer: Descriptor,
  { services, run }: Asking,
): Promise<Evidence | Verdict> {
  const most = maxLayerBytes[form];
  if (layer.size > most) return refused("too-large", `has ${layer.size} bytes; at most ${most / 1024} KiB are read`);
  try {
    return parsers[form](await readLayer(signed, layer, services, run), layer);
  } catch (error) {
    run.signal.throwIfAborted();
    return failure(error);
  }
}

interface Asking {
  readonly services: Services;
  readonly run: Run;
}

/** A signature's manifest, and the limit of its layers that are read. */
interface SignatureManifest {
  readonly digest: Digest;
  readonly manifest: ImageManifest;
  readonly most: Readonly<Record<keyof typeof parsers, number>>;
}

async function signaturesIn(
  signed: Signed,
  { digest, manifest, most }: SignatureManifest,
  asking: Asking,
): Promise<FoundSignatures> {
  const at = { manifest: digest, layer: undefined };
  const type = isUnstated(manifest.artifactType) ? manifest.config?.mediaType : manifest.artifactType;
  if (type === signatureTypes.notation) {
    const content = refused("unsupported", "Notation's signatures are not checked");
    return { signatures: [{ ...at, form: "notation", content }], unread: 0 };
  }
  const layers = manifest.layers.flatMap((layer) => {
    const form = formOf(layer);
    return form === undefined ? [] : [{ form, layer }];
  });
  // The first one's form decides for all: a manifest with both is nobody's.
  const chosen = layers.slice(0, most[layers[0]?.form ?? "sigstore-bundle"]);
  const signatures = await Promise.all(
    chosen.map(async ({ form, layer }) => {
      const content = await asking.services.limitOpen(() => evidenceIn(signed, form, layer, asking));
      return { manifest: digest, layer: layer.digest, form, content };
    }),
  );
  return { signatures, unread: layers.length - chosen.length };
}

/** A manifest that cannot be read as a signature. */
function unreadable(manifest: Digest, content: Verdict): FoundSignatures {
  return { signatures: [{ form: "unknown", manifest, layer: undefined, content }], unread: 0 };
}

async function referrer(signed: Signed, { digest }: Descriptor, asking: Asking): Promise<FoundSignatures> {
  const { services, run } = asking;
  try {
    const fetched = await services.limitOpen(() => fetchManifestByDigest(signed.source, digest, services, run));
    const manifest = parseManifest(fetched.bytes, fetched.mediaType, `${signed.source.name}@${digest}`);
    // Such as the artifact itself, which a registry may list as its own referrer.
    if (manifest.kind === "index" || manifest.subject === undefined) return { signatures: [], unread: 0 };
    if (manifest.subject.digest !== signed.digest)
      return unreadable(digest, refused("other-digest", "refers to another manifest"));
    return await signaturesIn(signed, { digest: fetched.digest, manifest, most: maxOfReferrer }, asking);
  } catch (error) {
    run.signal.throwIfAborted();
    return unreadable(digest, failure(error));
  }
}

/** The manifest of cosign 1 and 2, below a tag that everybody who may push can move. */
async function tagged(signed: Signed, asking: Asking): Promise<FoundSignatures> {
  const { source, digest } = signed;
  const tag = cosignTag(digest, "sig");
  const fetched = await asking.services.slots.run(() => fetchTagged(source, tag, asking.run.signal));
  if (fetched === undefined) return { signatures: [], unread: 0 };
  let manifest: ReturnType<typeof parseManifest>;
  try {
    manifest = parseManifest(fetched.bytes, fetched.mediaType, `${source.name}:${tag}`);
  } catch (error) {
    // Everybody who may push can write the tag: it must not hide a referrer that counts.
    return unreadable(fetched.digest, failure(error));
  }
  if (manifest.kind === "index") return { signatures: [], unread: 0 };
  const most = { "sigstore-bundle": 1, "simple-signing": maxSignatures };
  return await signaturesIn(signed, { digest: fetched.digest, manifest, most }, asking);
}

/**
 * Finds and reads the signatures of a manifest, up to `maxSignatures` from each of both lists.
 *
 * @throws {OrasClientError} if the registry does not answer: a missing answer is no missing signature
 */
export async function findSignatures(signed: Signed, services: Services, run: Run): Promise<FoundSignatures> {
  const asking = { services, run };
  const [listed, own] = await Promise.all([
    services.slots.run(() => signed.source.listReferrers(signed.digest, run.signal)),
    tagged(signed, asking),
  ]);
  // A manifest that is listed many times would crowd out the others.
  const once = [...new Map(listed.map((one) => [one.digest, one])).values()];
  const candidates = once.filter(mayBeSignature).sort((one, other) => rank(one) - rank(other));
  const chosen = candidates.slice(0, maxSignatures);
  const referring = await Promise.all(chosen.map((one) => referrer(signed, one, asking)));
  return {
    signatures: [...referring, own].flatMap(({ signatures }) => signatures),
    unread: [...referring, own].reduce((sum, { unread }) => sum + unread, candidates.length - chosen.length),
  };
}
