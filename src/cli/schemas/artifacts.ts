/** Results about artifacts that are read: fetched, unpacked, listed, checked. */
import * as v from "valibot";
import { digest, platform, size } from "./values.ts";

export const pullSchema = v.object({
  reference: v.pipe(v.string(), v.description("Resolved reference: with registry, template filled in.")),
  path: v.pipe(v.string(), v.description("Path of the verified file in the cache, or of the output folder.")),
  digest: v.pipe(digest, v.description("Digest of the file at `path`; of the manifest if `path` is a folder.")),
  manifestDigest: v.nullable(digest),
  platform,
  size,
  origin: v.picklist(["cache", "mirror", "registry", "layout"]),
  placed: v.pipe(v.array(v.string()), v.description("Paths of the files in the output folder.")),
});
export const blobSchema = v.object({
  path: v.string(),
  digest,
  size,
  origin: v.picklist(["cache", "mirror", "registry", "layout"]),
});
export const extractSchema = v.object({
  archive: v.string(),
  output: v.string(),
  files: v.pipe(v.number(), v.integer(), v.description("Number of written files.")),
});
export const listSchema = v.object({
  repository: v.string(),
  tags: v.array(v.string()),
  missing: v.pipe(
    v.nullable(v.string()),
    v.description("Why the list is incomplete, with `--partial`; null for all tags."),
  ),
});
const text = v.nullable(v.string());
const documentSchema = v.object({
  digest,
  mediaType: v.string(),
  size,
  title: text,
  predicateType: v.pipe(text, v.description("Predicate of an in-toto statement.")),
  namesArtifact: v.pipe(
    v.nullable(v.boolean()),
    v.description("Whether the statement names a manifest or a layer of the artifact; null without a statement."),
  ),
  says: v.pipe(
    v.nullable(
      v.object({
        builder: text,
        source: text,
        revision: v.pipe(text, v.description("Commit of the source.")),
        checksum: v.pipe(text, v.description("`sha256:…` of a source that is a file; null where a commit is stated.")),
      }),
    ),
    v.description("What SLSA provenance says. A claim of its author: nothing here is verified."),
  ),
});
const referrerSchema = v.object({
  subject: v.pipe(digest, v.description("Digest of the manifest that this one refers to.")),
  digest,
  foundBy: v.picklist(["referrers", "tag", "index"]),
  kind: v.picklist(["signature", "sbom", "provenance", "statement", "other"]),
  format: v.pipe(text, v.description("Name of the format, such as `SPDX`; null for an unknown format.")),
  artifactType: text,
  annotations: v.record(v.string(), v.string()),
  documents: v.array(documentSchema),
  problem: v.pipe(text, v.description("Why the referrer was not read; null for a referrer that was read.")),
});
export const infoSchema = v.object({
  reference: v.string(),
  digest,
  mediaType: v.string(),
  artifactType: v.nullable(v.string()),
  annotations: v.record(v.string(), v.string()),
  platforms: v.array(
    v.object({
      platform,
      digest,
      annotations: v.pipe(
        v.record(v.string(), v.string()),
        v.description("Annotations of the platform's manifest in an index."),
      ),
      layers: v.array(v.object({ title: v.nullable(v.string()), mediaType: v.string(), digest, size })),
    }),
  ),
  otherPlatforms: v.pipe(
    v.array(v.object({ platform: v.string(), digest })),
    v.description(
      "Platforms that cannot be pulled: outside the platform table, such as `linux/s390x`, or for newer processors.",
    ),
  ),
  referrers: v.pipe(
    v.nullable(v.array(referrerSchema)),
    v.description("What refers to the artifact and to its platforms; null with `--no-referrers`."),
  ),
  referrersMissing: v.pipe(text, v.description("Why the list of referrers is incomplete; null for the whole list.")),
});
export const verifySchema = v.object({ path: v.string(), digest, verified: v.literal(true) });
