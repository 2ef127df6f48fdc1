/** Members of a tar stream: ustar, PAX and GNU names. All other tar features are refused. */
import type { Extract, extract } from "tar-stream";
import { drained } from "./chunks.ts";
import type { ArchiveMember } from "./member.ts";
import { quoted, Refusal } from "./refusal.ts";
import { TarLayout } from "./tar-layout.ts";

/** PAX records per entry, including the global header's, which are copied for each entry. Real entries have a dozen. */
const maxPaxRecords = 1000;

/** The library's header; its own types declare only a part. */
interface TarHeader {
  readonly name: string;
  readonly size: number | null;
  readonly mode: number | null;
  /** Null for a type flag unknown to the library. */
  readonly type: string | null;
  readonly linkname: string | null;
  /** Offset of the content in the stream. */
  readonly byteOffset: number;
  readonly pax: Readonly<Record<string, string>> | null;
}

/** Tars before ustar have no magic; the library still verifies header checksums. */
const parserOptions: Parameters<typeof extract>[0] & { readonly allowUnknownFormat: boolean } = {
  allowUnknownFormat: true,
};

/**
 * @throws {Refusal} `ARCHIVE_UNSAFE` for devices and pipes, `ARCHIVE_UNSUPPORTED` for sparse files and other kinds,
 *   `ARCHIVE_INVALID` for a truncated tar, and for one that other programs read in another way
 * @throws The library's error for damaged headers
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveMember, void, undefined> {
  const tar = await import("tar-stream");
  const parser = tar.extract(parserOptions);
  const layout = new TarLayout();
  const feeding = feed(layout.watched(source), parser);
  try {
    for await (const entry of parser) {
      const header = entry.header as unknown as TarHeader;
      const member = memberOf(header, entry as AsyncIterable<unknown> as AsyncIterable<Uint8Array>);
      layout.checkEntry(header.byteOffset, member.size);
      yield member;
      entry.resume();
    }
  } finally {
    parser.destroy(null);
    await feeding;
  }
  layout.checkEnd();
}

/** Never rejects: the parser rethrows an error of `source`. */
async function feed(source: AsyncIterable<Uint8Array>, parser: Extract): Promise<void> {
  try {
    for await (const chunk of source) {
      if (parser.destroyed) return;
      if (!parser.write(chunk)) await drained(parser);
    }
    parser.end(null);
  } catch (error) {
    parser.destroy(error instanceof Error ? error : new Error(String(error)));
  }
}

function memberOf(header: TarHeader, content: AsyncIterable<Uint8Array>): ArchiveMember {
  const { name } = header;
  const size = header.size ?? 0;
  try {
    return { name, kind: kindOf(header, size), mode: header.mode ?? 0, target: header.linkname ?? "", size, content };
  } catch (error) {
    if (error instanceof Refusal) error.entry = name;
    throw error;
  }
}

function kindOf(header: TarHeader, size: number): ArchiveMember["kind"] {
  const records = Object.keys(header.pax ?? {});
  if (records.length > maxPaxRecords) {
    throw new Refusal("ARCHIVE_TOO_LARGE", `has more than ${maxPaxRecords} PAX records`);
  }
  if (records.some((key) => key.startsWith("GNU.sparse."))) throw sparse();
  if (!/^[0-9]*$/.test(header.pax?.size ?? ""))
    throw new Refusal("ARCHIVE_INVALID", "states a size that is not a number");
  switch (header.type) {
    case "file":
    case "contiguous-file":
      // Before ustar, a folder was a file with a trailing slash.
      return header.name.endsWith("/") && size === 0 ? "directory" : "file";
    case "directory":
      // The library, GNU tar 1.34, bsdtar and Python read the stated bytes as entries. A reader that trusts the size does not.
      if (size !== 0) throw new Refusal("ARCHIVE_INVALID", "is a folder that states a size");
      return "directory";
    case "symlink":
    case "link":
      // The library passes over the stated bytes, as GNU tar does for symbolic links; bsdtar and Python read entries.
      if (size !== 0) throw new Refusal("ARCHIVE_INVALID", "is a link that states a size");
      return header.type === "link" ? "hardlink" : "symlink";
    case "character-device":
    case "block-device":
    case "fifo":
      throw new Refusal("ARCHIVE_UNSAFE", `is a ${header.type === "fifo" ? "pipe" : "device"}`);
    default:
      // The library has no names for `S` (old sparse files of GNU tar), volumes and dumps.
      throw new Refusal(
        "ARCHIVE_UNSUPPORTED",
        `has an unsupported type (sparse file, volume label or part of a dump: ${quoted(String(header.type))})`,
        "pack it again without `--sparse` and without GNU tar's incremental or multi-volume options",
      );
  }
}

function sparse(): Refusal {
  return new Refusal("ARCHIVE_UNSUPPORTED", "is a sparse file", "pack it again without `--sparse`");
}
