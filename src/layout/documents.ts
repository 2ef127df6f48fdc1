/**
 * The JSON files of a layout's folder, and what its manifests say of themselves.
 *
 * @see OCI image-spec v1.1.1, image-layout.md
 */
import * as v from "valibot";
import { ContentVerificationError, isErrno, localIoError } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { UnfitFileError } from "../files/opened-file.ts";
import { readBounded } from "../files/regular-file.ts";
import { digestSchema } from "../model/digest.ts";
import { annotationKeys, mediaTypes } from "../model/manifest.ts";

/** Entries that are kept as they are, whatever else is in them. */
const entrySchema = v.looseObject({
  mediaType: v.string(),
  digest: digestSchema,
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

const whatItIs =
  "`oci:` names a folder with `oci-layout`, `index.json` and `blobs/`, as `oras copy --to-oci-layout` makes it";

export function invalidLayout(
  folder: string,
  why: string,
  cause?: unknown,
  hint: string = whatItIs,
): ContentVerificationError {
  return new ContentVerificationError("LAYOUT_INVALID", `oci:${folder} is not an OCI image layout: ${why}`, {
    cause,
    hint,
  });
}

/** Far more than a layout of ten thousand tags has. */
const maxDocumentBytes = 64 * 1024 * 1024;

/** A link in the place of one of a layout's own parts leads to what is somebody else's: nothing is read, written or removed by it. */
export function linkedPart(layout: string, name: string): ContentVerificationError {
  return invalidLayout(
    layout,
    `\`${name}\` in it is a link, or not what a layout has there`,
    undefined,
    "remove it, and copy the layout anew; a link may name the layout's folder, not a part of it",
  );
}

/**
 * @param root The layout's folder.
 * @returns undefined when there is no such file.
 */
export async function readDocument<T extends v.GenericSchema>(
  root: HeldFolder,
  name: string,
  schema: T,
): Promise<v.InferOutput<T> | undefined> {
  const folder = root.path;
  let text: string;
  try {
    const file = await root.openFile(name);
    const bytes = await readBounded(file, maxDocumentBytes).finally(() => file.handle.close());
    text = bytes.toString("utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    if (isErrno(cause, "ELOOP")) throw linkedPart(folder, name);
    if (cause instanceof UnfitFileError) throw invalidLayout(folder, cause.message, cause);
    throw localIoError(`read ${folder}/${name}`, cause);
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
