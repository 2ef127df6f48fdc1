/**
 * The JSON files of a layout folder, and the media types of its manifests.
 *
 * @see OCI image-spec v1.1.1, image-layout.md
 */
import * as v from "valibot";
import { ContentVerificationError, isErrno, localIoError } from "../errors.ts";
import type { HeldFolder } from "../files/held-folder.ts";
import { UnfitFileError } from "../files/opened-file.ts";
import { readBounded } from "../files/regular-file.ts";
import { digestSchema } from "../model/digest-schema.ts";

/** An index entry; unknown fields are preserved. */
const entrySchema = v.looseObject({
  mediaType: v.string(),
  digest: digestSchema,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  annotations: v.nullish(v.record(v.string(), v.nullable(v.string()))),
});
export const indexSchema = v.looseObject({ manifests: v.nullable(v.array(entrySchema), () => []) });
export const markerSchema = v.object({ imageLayoutVersion: v.literal("1.0.0") });
export type Entry = v.InferOutput<typeof entrySchema>;
export type Index = v.InferOutput<typeof indexSchema>;

export const marker = `${JSON.stringify({ imageLayoutVersion: "1.0.0" })}\n`;

const layoutHint =
  "name a folder with `oci-layout`, `index.json` and `blobs/`, as written by `oras copy --to-oci-layout`";

export function invalidLayout(
  folder: string,
  why: string,
  cause?: unknown,
  hint: string = layoutHint,
): ContentVerificationError {
  return new ContentVerificationError("LAYOUT_INVALID", `oci:${folder} is not an OCI image layout: ${why}`, {
    cause,
    hint,
  });
}

/** Far above the index of a layout with ten thousand tags. */
const maxDocumentBytes = 64 * 1024 * 1024;

/** The error for a link in place of a layout's part; a link could lead to foreign files, so it is never followed. */
export function linkedPart(layout: string, name: string): ContentVerificationError {
  return invalidLayout(
    layout,
    `its \`${name}\` is a link, or has the wrong file type`,
    undefined,
    `remove \`${name}\`, and copy the layout again; only the layout's folder itself may be a link`,
  );
}

/**
 * @param root The layout's folder.
 * @returns undefined for a missing file.
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
