/**
 * Manifests and indexes of the OCI image-spec v1.1.1 and of Docker's schema 2. An attacker may control the bytes; only
 * the fields in use are parsed.
 */
import * as v from "valibot";
import { ContentVerificationError } from "../errors.ts";
import type { Digest } from "./digest.ts";
import { digestSchema } from "./digest-schema.ts";
import type { StatedPlatform } from "./platform.ts";

export const mediaTypes = {
  ociManifest: "application/vnd.oci.image.manifest.v1+json",
  ociIndex: "application/vnd.oci.image.index.v1+json",
  dockerManifest: "application/vnd.docker.distribution.manifest.v2+json",
  dockerIndex: "application/vnd.docker.distribution.manifest.list.v2+json",
  /** Artifact manifest of the release candidates of the OCI image-spec v1.1; some signatures still have this type. */
  ociArtifact: "application/vnd.oci.artifact.manifest.v1+json",
  ociConfig: "application/vnd.oci.image.config.v1+json",
  dockerConfig: "application/vnd.docker.container.image.v1+json",
  /** OCI image-spec v1.1.1, manifest.md, "Guidance for an Empty Descriptor". */
  empty: "application/vnd.oci.empty.v1+json",
} as const;

/** Values of the `Accept` header: every type that `parseManifest` reads. */
export const acceptedManifestTypes: readonly string[] = [
  mediaTypes.ociIndex,
  mediaTypes.ociManifest,
  mediaTypes.dockerIndex,
  mediaTypes.dockerManifest,
  mediaTypes.ociArtifact,
];

export const annotationKeys = {
  title: "org.opencontainers.image.title",
  refName: "org.opencontainers.image.ref.name",
  created: "org.opencontainers.image.created",
  /** Set by `oras push` on a folder: unpack the layer's archive into the folder named by the title. */
  orasUnpack: "io.deis.oras.content.unpack",
  /** Digest of the uncompressed archive. */
  orasContentDigest: "io.deis.oras.content.digest",
  version: "org.opencontainers.image.version",
  licenses: "org.opencontainers.image.licenses",
  /** Origin of a platform's manifest: a package URL or an address, with the verified checksum. */
  origin: "dev.buck2-oras.origin",
  /** How much the source of a platform's file vouched for it at the import, and who: `LEVEL`, or `LEVEL: WHO`. */
  sourceCheck: "dev.buck2-oras.source-check",
  /** Source of an index: the argument of `import`. */
  imported: "dev.buck2-oras.imported",
  /**
   * Folder that contains every entry of the layer's archive, and that the archive is unpacked into. Replaces
   * `orasUnpack` for archives that `oras` itself cannot unpack.
   */
  folder: "dev.buck2-oras.folder",
  source: "org.opencontainers.image.source",
  /** Path of the executable inside the artifact, as stated by the publisher. */
  executable: "dev.buck2-oras.executable",
} as const;

export type Annotations = Readonly<Record<string, string>>;

/** OCI image-spec v1.1.1, descriptor.md. `urls` is ignored: an attacker could choose the host. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  readonly annotations: Annotations;
  readonly artifactType: string | undefined;
  readonly platform: StatedPlatform | undefined;
}

export interface ImageManifest {
  readonly kind: "manifest";
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  /** Undefined for the artifact manifest of the release candidates. */
  readonly config: Descriptor | undefined;
  readonly layers: readonly Descriptor[];
  readonly annotations: Annotations;
  /** The manifest that a signature or an SBOM refers to. */
  readonly subject: Descriptor | undefined;
}

export interface ImageIndex {
  readonly kind: "index";
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly manifests: readonly Descriptor[];
  readonly annotations: Annotations;
  readonly subject: Descriptor | undefined;
}

/**
 * OCI distribution-spec v1.1.1, "Pushing Manifests": registries accept at least 4 MiB. Larger manifests are refused.
 */
export const maxManifestBytes = 4 * 1024 * 1024;
/** Layers or platforms; real tools have under 100. A lock has the layers. */
export const maxDescriptors = 10_000;
/** Both parts of a media type have 127 characters at most, and parameters may follow (RFC 6838, section 4.2). */
export const maxMediaTypeLength = 1024;

/** An optional field. Encoders of several languages write `null` for an empty value: `null` counts as absent. */
const optional = v.nullish;

const annotationsSchema = optional(v.record(v.string(), v.nullable(v.string())));
const descriptorSchema = v.object({
  mediaType: v.pipe(v.string(), v.maxLength(maxMediaTypeLength)),
  digest: digestSchema,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: annotationsSchema,
  artifactType: optional(v.string()),
  platform: optional(
    v.object({
      os: v.string(),
      architecture: v.string(),
      variant: optional(v.string()),
      "os.features": optional(v.array(v.string())),
    }),
  ),
});
const descriptorsSchema = optional(
  v.pipe(v.array(v.unknown()), v.maxLength(maxDescriptors), v.array(descriptorSchema)),
);
const manifestSchema = v.object({
  mediaType: optional(v.string()),
  artifactType: optional(v.string()),
  config: descriptorSchema,
  layers: descriptorsSchema,
  annotations: annotationsSchema,
  subject: optional(descriptorSchema),
});
const artifactSchema = v.object({
  mediaType: optional(v.string()),
  artifactType: optional(v.string()),
  blobs: descriptorsSchema,
  annotations: annotationsSchema,
  subject: optional(descriptorSchema),
});
const indexSchema = v.object({
  mediaType: optional(v.string()),
  artifactType: optional(v.string()),
  manifests: descriptorsSchema,
  annotations: annotationsSchema,
  subject: optional(descriptorSchema),
});

function invalid(origin: string, why: string, cause?: unknown): ContentVerificationError {
  return new ContentVerificationError("MANIFEST_INVALID", `the manifest of ${origin} cannot be read: ${why}`, {
    cause,
    hint: "push the artifact again as an OCI or Docker schema 2 manifest; the manifest may have changed on its way",
  });
}

/** True for a field with a value other than `null`. */
function has(json: object, field: string): boolean {
  return field in json && (json as Readonly<Record<string, unknown>>)[field] !== null;
}

function toAnnotations(raw: v.InferOutput<typeof annotationsSchema>): Annotations {
  return Object.fromEntries(Object.entries(raw ?? {}).filter((entry): entry is [string, string] => entry[1] !== null));
}

function toDescriptor(raw: v.InferOutput<typeof descriptorSchema>): Descriptor {
  return {
    mediaType: raw.mediaType,
    digest: raw.digest,
    size: raw.size,
    annotations: toAnnotations(raw.annotations),
    artifactType: raw.artifactType ?? undefined,
    platform: raw.platform ? toPlatform(raw.platform) : undefined,
  };
}

type RawPlatform = NonNullable<v.InferOutput<typeof descriptorSchema>["platform"]>;

function toPlatform({ os, architecture, variant, "os.features": osFeatures }: RawPlatform): StatedPlatform {
  return { os, architecture, variant: variant ?? undefined, osFeatures: osFeatures ?? [] };
}

function check<T extends v.GenericSchema>(schema: T, json: unknown, origin: string): v.InferOutput<T> {
  const result = v.safeParse(schema, json, { abortEarly: true });
  if (result.success) return result.output;
  const issue = result.issues[0];
  const path = v.getDotPath(issue);
  if (path !== null && (issue.received === "undefined" || issue.received === "null")) {
    throw invalid(origin, `it has no \`${path}\``);
  }
  throw invalid(origin, `${path === null ? "" : `\`${path}\`: `}${issue.message.slice(0, 200)}`);
}

/**
 * Parses a manifest or an index.
 *
 * @param mediaType The response's Content-Type or the descriptor's media type; must agree with the body's `mediaType`.
 * @param origin Names the manifest in messages.
 * @throws {ContentVerificationError} `MANIFEST_INVALID`, `MANIFEST_TOO_LARGE`, `MEDIA_TYPE_UNSUPPORTED`
 */
export function parseManifest(bytes: Uint8Array, mediaType: string, origin: string): ImageManifest | ImageIndex {
  if (bytes.byteLength > maxManifestBytes) {
    throw new ContentVerificationError("MANIFEST_TOO_LARGE", `the manifest of ${origin} is over 4 MiB`);
  }
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch (cause) {
    throw invalid(origin, "it is not JSON", cause);
  }
  if (typeof json !== "object" || json === null || Array.isArray(json))
    throw invalid(origin, "it is not a JSON object");
  const stated = "mediaType" in json && typeof json.mediaType === "string" ? json.mediaType : undefined;
  if (stated !== undefined && acceptedManifestTypes.includes(mediaType) && stated !== mediaType) {
    // image-spec, "Verification": an attacker could make clients disagree about the document's type.
    throw invalid(origin, `it was sent as ${mediaType} but its \`mediaType\` is ${stated}`);
  }
  switch (stated ?? mediaType) {
    case mediaTypes.ociIndex:
    case mediaTypes.dockerIndex: {
      if (has(json, "layers") || has(json, "config")) throw invalid(origin, "an index has no `layers` and no `config`");
      const raw = check(indexSchema, json, origin);
      return {
        kind: "index",
        mediaType: stated ?? mediaType,
        artifactType: raw.artifactType ?? undefined,
        manifests: (raw.manifests ?? []).map(toDescriptor),
        annotations: toAnnotations(raw.annotations),
        subject: raw.subject ? toDescriptor(raw.subject) : undefined,
      };
    }
    case mediaTypes.ociManifest:
    case mediaTypes.dockerManifest: {
      if (has(json, "manifests")) throw invalid(origin, "a manifest has no `manifests`");
      const raw = check(manifestSchema, json, origin);
      return {
        kind: "manifest",
        mediaType: stated ?? mediaType,
        artifactType: raw.artifactType ?? undefined,
        config: toDescriptor(raw.config),
        layers: (raw.layers ?? []).map(toDescriptor),
        annotations: toAnnotations(raw.annotations),
        subject: raw.subject ? toDescriptor(raw.subject) : undefined,
      };
    }
    case mediaTypes.ociArtifact: {
      const raw = check(artifactSchema, json, origin);
      return {
        kind: "manifest",
        mediaType: stated ?? mediaType,
        artifactType: raw.artifactType ?? undefined,
        config: undefined,
        layers: (raw.blobs ?? []).map(toDescriptor),
        annotations: toAnnotations(raw.annotations),
        subject: raw.subject ? toDescriptor(raw.subject) : undefined,
      };
    }
    default:
      throw new ContentVerificationError(
        "MEDIA_TYPE_UNSUPPORTED",
        `${origin} has the media type ${JSON.stringify((stated ?? mediaType).slice(0, 200))}, which is not supported`,
        { hint: "push the artifact as an OCI image manifest, with `buck2-oras push` or `oras push`" },
      );
  }
}

/**
 * @returns The document's stated media type, or the type implied by its fields; undefined for an ambiguous document and
 *   for anything but a manifest.
 */
export function mediaTypeOf(bytes: Uint8Array): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(Buffer.from(bytes).toString("utf8"));
  } catch {
    return undefined;
  }
  if (typeof json !== "object" || json === null || Array.isArray(json)) return undefined;
  if ("mediaType" in json && json.mediaType !== null) {
    const { mediaType } = json;
    return typeof mediaType === "string" && acceptedManifestTypes.includes(mediaType) ? mediaType : undefined;
  }
  const [isIndex, isManifest] = [has(json, "manifests"), has(json, "layers") || has(json, "config")];
  if (isIndex === isManifest) return undefined;
  return isIndex ? mediaTypes.ociIndex : mediaTypes.ociManifest;
}

/** All blobs that a manifest names. */
export function blobsOf({ config, layers }: ImageManifest): readonly Descriptor[] {
  return config === undefined ? layers : [config, ...layers];
}
