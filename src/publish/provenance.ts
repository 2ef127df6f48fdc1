/**
 * Provenance that `push` and `import` write: an in-toto statement with SLSA's predicate, as a referrer.
 *
 * The same inputs, clients and options give the same bytes: there is no time, and nothing of the machine.
 *
 * @see https://slsa.dev/spec/v1.1/provenance
 */
import { documentTypes } from "../attestation/document-types.ts";
import { type Digest, digestFromHex, digestHex } from "../model/digest.ts";
import { annotationKeys } from "../model/manifest.ts";
import type { PlatformString } from "../model/platform.ts";
import { statementType } from "../signature/statement.ts";
import { version } from "../version.ts";
import { encode } from "./documents.ts";
import { layerOfBytes, type NewReferrer } from "./referrer.ts";

/** A file or package that the artifact was made of. */
export interface BuildInput {
  /** A package URL, a URL, or `file:` and a name: never a path. */
  readonly uri: string;
  readonly digest: Digest | undefined;
  /** How much the input's source vouched for it, and who; undefined for an input without a source. */
  readonly sourceCheck?: string | undefined;
}

/** Facts about a command that publishes. */
export interface BuildFacts {
  readonly command: "push" | "import";
  /** Options of the command that change the bytes; no paths. */
  readonly parameters: Readonly<Record<string, string>>;
  /** Versions of other programs by name. */
  readonly versions: Readonly<Record<string, string>>;
}

/** One platform's manifest, or the only manifest. */
export interface BuiltManifest {
  readonly platform: PlatformString | undefined;
  readonly digest: Digest;
  readonly input: BuildInput;
}

export interface Built {
  readonly subject: NewReferrer["subject"];
  readonly manifests: readonly BuiltManifest[];
}

const predicateType = "https://slsa.dev/provenance/v1";
/** BuildKit's annotation, by which readers choose among statements. */
const predicateKey = "in-toto.io/predicate-type";

/** Origins of imported files end with their checksum. */
const originWithDigest = /^(.+?)(?:[?&]checksum=|#)sha256:([0-9a-f]{64})$/;

/**
 * @param origin Package URL, URL or `file:NAME`, perhaps with a checksum.
 * @param content Digest of the content, for an origin without a checksum.
 */
export function inputOf(origin: string, content: Digest): BuildInput {
  const [, uri, hex] = originWithDigest.exec(origin) ?? [];
  if (uri === undefined || hex === undefined) return { uri: origin, digest: content };
  return { uri, digest: digestFromHex(hex) };
}

function byKey(record: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}

function sha256(digest: Digest): { readonly sha256: string } {
  return { sha256: digestHex(digest) };
}

function statementOf({ subject, manifests }: Built, { command, parameters, versions }: BuildFacts): Uint8Array {
  const parts = manifests.filter(({ digest }) => digest !== subject.digest);
  return encode({
    _type: statementType,
    subject: [
      { name: "artifact", digest: sha256(subject.digest) },
      ...parts.map(({ platform, digest }) => ({ name: platform, digest: sha256(digest) })),
    ],
    predicateType,
    predicate: {
      buildDefinition: {
        buildType: `urn:buck2-oras:${command}:v1`,
        externalParameters: byKey(parameters),
        resolvedDependencies: manifests.map(({ platform, input: { uri, digest, sourceCheck } }) => ({
          name: platform,
          uri,
          digest: digest && sha256(digest),
          annotations: sourceCheck === undefined ? undefined : { [annotationKeys.sourceCheck]: sourceCheck },
        })),
      },
      runDetails: { builder: { id: "urn:buck2-oras:cli", version: byKey({ ...versions, "buck2-oras": version }) } },
    },
  });
}

export function provenanceOf(built: Built, facts: BuildFacts): NewReferrer {
  const annotations = { [annotationKeys.title]: "provenance.intoto.json", [predicateKey]: predicateType };
  const layers = [layerOfBytes(statementOf(built, facts), documentTypes.inToto, annotations)];
  return { subject: built.subject, artifactType: documentTypes.inToto, layers, annotations: {} };
}
