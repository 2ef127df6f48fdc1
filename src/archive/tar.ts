/** Members of a tar stream: ustar, PAX and GNU names; whatever else a tar can hold is refused. */
import type { Extract, extract } from "tar-stream";
import { type Chunks, drained } from "./chunks.ts";
import type { ArchiveMember } from "./member.ts";
import { quoted, Refusal } from "./refusal.ts";

const blockBytes = 512;

/** Records of one entry, with those of the global header, which are copied for each entry; real entries have a dozen. */
const maxPaxRecords = 1000;

/** A header as the library gives it, which its own types state only in part. */
interface TarHeader {
  readonly name: string;
  readonly size: number | null;
  readonly mode: number | null;
  /** Null for a type flag that the library does not know. */
  readonly type: string | null;
  readonly linkname: string | null;
  /** Where the content begins in the stream. */
  readonly byteOffset: number;
  readonly pax: Readonly<Record<string, string>> | null;
}

/** Tars from before ustar have no magic; a header's checksum is checked all the same. */
const parserOptions: Parameters<typeof extract>[0] & { readonly allowUnknownFormat: boolean } = {
  allowUnknownFormat: true,
};

/** The end of a tar, as its bytes themselves show it. */
class TailWatch {
  /** Bytes so far. */
  length = 0;
  /** Zeros at the end of them. */
  zeros = 0;

  async *watched(source: AsyncIterable<Uint8Array>): Chunks {
    for await (const chunk of source) {
      let last = chunk.length;
      while (last > 0 && chunk[last - 1] === 0) last -= 1;
      this.zeros = last === 0 ? this.zeros + chunk.length : chunk.length - last;
      this.length += chunk.length;
      yield chunk;
    }
  }
}

/**
 * @throws {Refusal} `ARCHIVE_UNSAFE` for devices and pipes, `ARCHIVE_UNSUPPORTED` for sparse files and other kinds,
 *   `ARCHIVE_INVALID` for a tar without its end; or what the library throws at damaged headers
 */
export async function* readTar(source: AsyncIterable<Uint8Array>): AsyncGenerator<ArchiveMember, void, undefined> {
  const tar = await import("tar-stream");
  const parser = tar.extract(parserOptions);
  const tail = new TailWatch();
  const feeding = feed(tail.watched(source), parser);
  let contentEnd = 0;
  try {
    for await (const entry of parser) {
      const header = entry.header as unknown as TarHeader;
      yield memberOf(header, entry as AsyncIterable<unknown> as AsyncIterable<Uint8Array>);
      entry.resume();
      contentEnd = header.byteOffset + padded(header.type === "directory" ? 0 : (header.size ?? 0));
    }
  } finally {
    parser.destroy(null);
    await feeding;
  }
  // The library takes the end of the bytes for the end of the tar; only the zeros behind it tell that nothing is missing.
  if (tail.length - contentEnd < blockBytes || tail.zeros < tail.length - contentEnd) {
    throw new Refusal("ARCHIVE_INVALID", "is cut off: the end mark of a tar is missing");
  }
}

/** Never rejects: an error of `source` comes out of the parser. */
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

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
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
  if (!/^[0-9]*$/.test(header.pax?.size ?? "")) throw new Refusal("ARCHIVE_INVALID", "states a size that is no number");
  switch (header.type) {
    case "file":
    case "contiguous-file":
      // Before ustar a folder was a file with a slash.
      return header.name.endsWith("/") && size === 0 ? "directory" : "file";
    case "directory":
      return "directory";
    case "symlink":
    case "link":
      // The library passes over as many bytes; GNU tar and Python read what follows a link as the next entry.
      if (size !== 0) throw new Refusal("ARCHIVE_INVALID", "is a link that states a size");
      return header.type === "link" ? "hardlink" : "symlink";
    case "character-device":
    case "block-device":
    case "fifo":
      throw new Refusal("ARCHIVE_UNSAFE", `is a ${header.type === "fifo" ? "pipe" : "device"}`);
    default:
      // The library names no kind for `S`, the older sparse files of GNU tar, nor for volumes and dumps.
      throw new Refusal(
        "ARCHIVE_UNSUPPORTED",
        `is of a kind that is not supported (a sparse file, a volume label, a part of a dump: ${quoted(String(header.type))})`,
        "pack it again without `--sparse` and without GNU tar's incremental or multi-volume options",
      );
  }
}

function sparse(): Refusal {
  return new Refusal("ARCHIVE_UNSUPPORTED", "is a sparse file", "pack it again without `--sparse`");
}
