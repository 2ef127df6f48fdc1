/** Selection of the reader for an archive's format. */
import type { OpenedFile } from "../files/opened-file.ts";
import { beginningOf, type Chunks, readChunks } from "./chunks.ts";
import { type Compression, decompressed } from "./compression.ts";
import { type ArchiveFormat, maxSniffedBytes } from "./format.ts";
import type { Budget } from "./limits.ts";
import type { ArchiveMember } from "./member.ts";
import { Refusal } from "./refusal.ts";
import { readTar } from "./tar.ts";
import { formatInside, unsupportedKindOf } from "./unsupported.ts";
import { readZip } from "./zip.ts";

/** Bytes of the content that name its format. */
const headBytes = 512;

type Members = AsyncGenerator<ArchiveMember, void, undefined>;

/** @throws {Refusal} `ARCHIVE_UNSUPPORTED` at once for a file that is not an archive; other codes from the iteration */
export async function openMembers(
  file: OpenedFile,
  format: ArchiveFormat,
  budget: Budget,
  signal: AbortSignal,
): Promise<Members> {
  switch (format) {
    case "tar":
      return tarMembers(readChunks(file, signal), budget);
    case "tar.gz":
      return tarMembers(decompressed(readChunks(file, signal), "gzip"), budget);
    case "tar.zst":
      return tarMembers(decompressed(readChunks(file, signal), "zstd"), budget);
    case "tar.xz":
      return tarMembers(decompressed(readChunks(file, signal), "xz"), budget);
    case "zip":
      return readZip(file, budget, signal);
    case "gzip":
    case "zstd":
    case "xz":
      throw await notAnArchiveInside(file, format, signal);
    case "raw":
      throw await notAnArchive(file);
  }
}

/** Counts all decompressed bytes: headers and padding can be a bomb too. */
async function* tarMembers(stream: Chunks, budget: Budget): Members {
  for await (const member of readTar(budget.counted(stream), budget)) {
    budget.countEntry();
    yield member;
  }
}

/** Names the content of a compressed file that holds no tar. */
async function notAnArchiveInside(file: OpenedFile, format: Compression, signal: AbortSignal): Promise<unknown> {
  const parts: Uint8Array[] = [];
  try {
    const content = decompressed(beginningOf(readChunks(file, signal), maxSniffedBytes), format);
    for await (const chunk of beginningOf(content, headBytes)) parts.push(chunk);
  } catch (error) {
    // A limit or an unsupported option is the reason; the beginning of a file may also end in the middle of a block.
    if (error instanceof Refusal && error.code === "ARCHIVE_UNSUPPORTED") return error;
  }
  const inner = formatInside(Buffer.concat(parts));
  return inner === undefined
    ? new Refusal("ARCHIVE_UNSUPPORTED", `is a single file compressed by ${format}, not an archive`)
    : new Refusal(
        "ARCHIVE_UNSUPPORTED",
        `holds ${inner} inside ${format}: it was compressed twice`,
        "compress the archive once",
      );
}

async function notAnArchive(file: OpenedFile): Promise<Refusal> {
  const { reason, hint } = (await unsupportedKindOf(file)) ?? {
    reason: "is not an archive",
    hint: "name a tar, tar.gz, tar.zst, tar.xz or zip file",
  };
  return new Refusal("ARCHIVE_UNSUPPORTED", reason, hint);
}
