/**
 * The JSON files of a layout's folder, and what its manifests say of themselves.
 *
 * @see OCI image-spec v1.1.1, image-layout.md
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { ContentVerificationError, isErrno, localIoError } from "../errors.ts";
import { type Digest, isDigest } from "../model/digest.ts";
import { annotationKeys, mediaTypes } from "../model/manifest.ts";

/** Entries that are kept as they are, whatever else is in them. */
const entrySchema = v.looseObject({
  mediaType: v.string(),
  digest: v.custom<Digest>(
    (value) => typeof value === "string" && isDigest(value),
    "must be `sha256:` and 64 hex digits",
  ),
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: v.optional(v.record(v.string(), v.string())),
});
export const indexSchema = v.looseObject({ manifests: v.array(entrySchema) });
export const markerSchema = v.object({ imageLayoutVersion: v.literal("1.0.0") });
export type Entry = v.InferOutput<typeof entrySchema>;
export type Index = v.InferOutput<typeof indexSchema>;

export const marker = `${JSON.stringify({ imageLayoutVersion: "1.0.0" })}\n`;
export function tagOf(entry: Entry): string | undefined {
  return entry.annotations?.[annotationKeys.refName];
}

/** A document says its own type; old ones without one are told by their fields. */
export function mediaTypeOf(bytes: Uint8Array): string {
  try {
    const json: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (typeof json !== "object" || json === null) return "";
    if ("mediaType" in json && typeof json.mediaType === "string") return json.mediaType;
    if ("manifests" in json) return mediaTypes.ociIndex;
    if ("layers" in json) return mediaTypes.ociManifest;
  } catch {
    // `parseManifest` says what is wrong with it.
  }
  return "";
}

export function invalidLayout(folder: string, why: string, cause?: unknown): ContentVerificationError {
  return new ContentVerificationError("LAYOUT_INVALID", `oci:${folder} is not an OCI image layout: ${why}`, {
    cause,
    hint: "`oci:` names a folder with `oci-layout`, `index.json` and `blobs/`, as `oras copy --to-oci-layout` makes it",
  });
}

/** @returns undefined when there is no such file. */
export async function readDocument<T extends v.GenericSchema>(
  folder: string,
  name: string,
  schema: T,
): Promise<v.InferOutput<T> | undefined> {
  const path = join(folder, name);
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    throw localIoError(`read ${path}`, cause);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw invalidLayout(folder, `${name} is not JSON`, cause);
  }
  const result = v.safeParse(schema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  throw invalidLayout(folder, `${name}: \`${v.getDotPath(issue) ?? name}\`: ${issue.message.slice(0, 200)}`);
}
