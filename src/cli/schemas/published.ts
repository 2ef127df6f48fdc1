/** Results about artifacts that are written, and tags that are set or removed. */
import * as v from "valibot";
import { sourceLevels } from "../../model/source-level.ts";
import { contentSize, count, digest, platform, size } from "./values.ts";

const replaced = v.pipe(
  v.nullable(digest),
  v.description("Digest that the tag meant before; null for a new or unchanged tag, or if the registry does not say."),
);
const signature = v.object({
  digest: v.pipe(digest, v.description("Digest of the signature's own manifest.")),
  added: v.pipe(v.boolean(), v.description("False if the same key had signed the artifact before.")),
  key: v.object({
    algorithm: v.string(),
    fingerprint: v.pipe(v.string(), v.description("SHA-256 of the public key, as `verify --signature` names keys.")),
    hint: v.pipe(v.string(), v.description("The same hash in base64, as in cosign's bundles.")),
  }),
});
export const signSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Digest of the signed index or manifest.")),
  signature,
});
const platformsLost = v.pipe(
  v.array(v.string()),
  v.description("Platforms of the index that the tag meant before, which the new artifact lacks."),
);
export const pushSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Digest of the index or manifest that the tag means now.")),
  replaced,
  platformsLost,
  mediaType: v.string(),
  platforms: v.array(v.object({ platform, digest, size, contentSize })),
  signature: v.pipe(v.nullable(signature), v.description("Null without `--sign-key`.")),
  provenance: v.pipe(
    v.nullable(digest),
    v.description("Digest of the provenance's own manifest; null without `--provenance`."),
  ),
});
const unknownText = v.nullable(v.string());
const importedSource = v.object({
  level: v.pipe(v.picklist(sourceLevels), v.description("The most that was checked, and held.")),
  by: v.pipe(unknownText, v.description("Who vouches; null for nobody.")),
  build: v.pipe(
    v.nullable(
      v.object({
        subject: v.pipe(v.string(), v.description("Proven identity of the build, such as a workflow.")),
        issuer: v.string(),
        repository: v.pipe(unknownText, v.description("Source, as the identity's certificate has it.")),
        revision: v.pipe(unknownText, v.description("Commit, as the certificate has it.")),
        builder: v.pipe(unknownText, v.description("Build service, by the identity's own statement.")),
        time: v.pipe(unknownText, v.description("Time that a trusted witness vouches for, in UTC.")),
      }),
    ),
    v.description("Null without verified provenance."),
  ),
  notes: v.pipe(v.array(v.string()), v.description("Statements that are not verified or cannot be read, for people.")),
});
export const importSchema = v.object({
  reference: v.string(),
  digest: v.pipe(digest, v.description("Digest of the index or manifest that the tag means now.")),
  replaced,
  platformsLost,
  mediaType: v.string(),
  platforms: v.array(
    v.object({
      platform,
      digest,
      size,
      contentSize,
      origin: v.pipe(v.string(), v.description("Package URL, URL or file name, with the SHA-256 of a file.")),
      source: v.pipe(importedSource, v.description("What the file's source vouches for.")),
    }),
  ),
  missing: v.pipe(v.array(v.string()), v.description("Wanted platforms that the source does not offer.")),
  signature: v.pipe(v.nullable(signature), v.description("Null without `--sign-key`.")),
  provenance: v.pipe(
    v.nullable(digest),
    v.description("Digest of the provenance's own manifest; null without `--provenance`."),
  ),
});
export const attachSchema = v.object({
  reference: v.string(),
  subject: v.pipe(digest, v.description("Digest of the manifest that the file is attached to.")),
  digest: v.pipe(digest, v.description("Digest of the referrer's manifest.")),
  artifactType: v.string(),
  mediaType: v.pipe(v.string(), v.description("Media type of the file.")),
  size,
  isNew: v.pipe(v.boolean(), v.description("False if the same file was attached before.")),
});
export const copySchema = v.object({
  artifacts: v.array(v.object({ source: v.string(), destination: v.string(), digest, replaced })),
  manifestsCopied: count,
  manifestsPresent: count,
  blobsCopied: count,
  blobsMounted: v.pipe(count, v.description("Blobs mounted within the registry, without an upload.")),
  blobsPresent: count,
  bytesSent: size,
});
export const tagSchema = v.object({
  reference: v.string(),
  digest,
  tagged: v.array(v.string()),
  replaced: v.pipe(
    v.array(v.object({ tag: v.string(), digest })),
    v.description("Tags that meant another manifest before, and its digest."),
  ),
});
export const pruneSchema = v.object({
  repository: v.string(),
  locks: v.pipe(
    v.array(v.string()),
    v.description("Locks whose artifacts stay: the project's own, and those of `--lock`."),
  ),
  tags: v.array(
    v.object({
      tag: v.string(),
      digest,
      created: v.nullable(v.string()),
      fate: v.picklist(["removed", "would be removed", "kept"]),
      why: v.string(),
    }),
  ),
  attached: v.pipe(
    v.array(
      v.object({
        subject: digest,
        digest,
        tag: v.nullable(v.string()),
        fate: v.picklist(["removed", "would be removed", "kept"]),
      }),
    ),
    v.description("Signatures and documents of the removed artifacts, with the tag by which each was found."),
  ),
});
