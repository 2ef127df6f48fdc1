/** `extract`: unpacks a local file, confined to its output; uses neither registries nor the store. */
import { decompressFile } from "../archive/decompress.ts";
import { isExecutable } from "../archive/executable.ts";
import { extractArchive } from "../archive/extract.ts";
import { isArchive, isCompressed, sniffFile } from "../archive/format.ts";
import { unsupportedKindOf } from "../archive/unsupported.ts";
import { checkOutputFile, checkOutputFolder } from "../artifact/output.ts";
import { tellingReplaced } from "../artifact/replaced.ts";
import type { Context } from "../context.ts";
import { ContentVerificationError } from "../errors.ts";
import { writeHashed } from "../files/hashed-write.ts";
import { placeAtomically, placedMode } from "../files/place.ts";

export interface ExtractRequest {
  readonly archive: string;
  /** Folder to unpack into; for a single compressed file, the file to write. */
  readonly output: string;
  readonly stripPrefix: string | undefined;
  /** True for one compressed file in place of an archive. */
  readonly isSingle: boolean;
  /** For a single file. Undefined: executable if the content is an executable. */
  readonly executable: boolean | undefined;
}

/** @returns Number of written files. */
export async function extractTo(request: ExtractRequest, context: Context, signal: AbortSignal): Promise<number> {
  const { archive, stripPrefix } = request;
  if (!request.isSingle) {
    const output = checkOutputFolder(request.output, context);
    const entries = await tellingReplaced(context.log, (onReplaced) =>
      extractArchive(archive, output, { stripPrefix, signal, onReplaced, context }),
    );
    return entries.filter((entry) => entry.kind === "file").length;
  }
  const format = await sniffFile(archive);
  if (!isCompressed(format)) {
    const unsupported = isArchive(format) ? undefined : await unsupportedKindOf(archive);
    const what = isArchive(format) ? `is an archive (${format})` : (unsupported?.reason ?? "is not compressed");
    throw new ContentVerificationError("ARCHIVE_UNSUPPORTED", `${archive} ${what}, not a single compressed file`, {
      hint: isArchive(format)
        ? "leave out --single to unpack an archive"
        : "compress the file by gzip, zstd or xz, or copy it as it is",
    });
  }
  await placeAtomically(checkOutputFile(request.output), async (staged) => {
    const bytes = decompressFile(archive, format, {}, signal);
    const written = await writeHashed(staged, bytes, undefined, signal);
    return { mode: placedMode(request.executable ?? isExecutable(written.head)) };
  });
  return 1;
}
