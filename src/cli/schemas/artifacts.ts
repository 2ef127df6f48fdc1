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
      layers: v.array(v.object({ title: v.nullable(v.string()), mediaType: v.string(), digest, size })),
    }),
  ),
  otherPlatforms: v.pipe(
    v.array(v.object({ platform: v.string(), digest })),
    v.description(
      "Platforms that cannot be pulled: outside the platform table, such as `linux/s390x`, or for newer processors.",
    ),
  ),
});
export const verifySchema = v.object({ path: v.string(), digest, verified: v.literal(true) });
