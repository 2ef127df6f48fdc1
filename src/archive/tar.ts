/** Members of a tar stream: ustar, PAX and GNU names. All other tar features are refused. */
import type { Extract, extract } from "tar-stream";
import { drained } from "./chunks.ts";
import type { Budget } from "./limits.ts";
import type { ArchiveMember } from "./member.ts";
import { quoted, Refusal } from "./refusal.ts";
import { type SparseFile, sparseFileOf, withHoles } from "./sparse.ts";
import { type TarEntry, TarLayout } from "./tar-layout.ts";

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
 * @param source The tar; the caller counts its bytes.
 * @param budget Gets the bytes of the holes of sparse files.
 * @throws {Refusal} `ARCHIVE_UNSAFE` for devices and pipes, `ARCHIVE_UNSUPPORTED` for other kinds, `ARCHIVE_INVALID` for
 *   a truncated tar, and for one that other programs read in another way
 * @throws The library's error for damaged headers
 */
export async function* readTar(
  source: AsyncIterable<Uint8Array>,
  budget: Budget,
): AsyncGenerator<ArchiveMember, void, undefined> {
  const tar = await import("tar-stream");
  const parser = tar.extract(parserOptions);
  const layout = new TarLayout();
  const feeding = feed(layout.watched(source), parser);
  try {
    for await (const entry of parser) {
      const header = entry.header as unknown as TarHeader;
      const content = entry as AsyncIterable<unknown> as AsyncIterable<Uint8Array>;
      const member = memberOf({ header, content, own: layout.next, budget });
      layout.checkEntry(header.byteOffset, header.size ?? 0);
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

/** An entry as the library found it, and as the layout has it. */
interface FoundEntry {
  readonly header: TarHeader;
  readonly content: AsyncIterable<Uint8Array>;
  readonly own: TarEntry | undefined;
  readonly budget: Budget;
}

function memberOf({ header, content, own, budget }: FoundEntry): ArchiveMember {
  const { name } = header;
  const stored = header.size ?? 0;
  const common = { name, mode: header.mode ?? 0, target: header.linkname ?? "" };
  try {
    checkRecords(header);
    const sparse = sparseFileOf(header.pax ?? {}) ?? own?.sparse;
    const kind = kindOf(header, stored, own);
    if (sparse === undefined) return { ...common, kind, size: stored, content };
    return sparseMember({ ...common, kind, size: stored, content }, sparse, budget);
  } catch (error) {
    if (error instanceof Refusal) error.entry = name;
    throw error;
  }
}

function sparseMember(member: ArchiveMember, sparse: SparseFile, budget: Budget): ArchiveMember {
  if (member.kind !== "file") throw new Refusal("ARCHIVE_INVALID", "is a sparse file of another type");
  const content = withHoles(sparse, member.content, member.size, budget);
  return { ...member, name: sparse.name ?? member.name, size: sparse.size, content };
}

function checkRecords({ pax }: TarHeader): void {
  if (Object.keys(pax ?? {}).length > maxPaxRecords) {
    throw new Refusal("ARCHIVE_TOO_LARGE", `has more than ${maxPaxRecords} PAX records`);
  }
  if (!/^[0-9]*$/.test(pax?.size ?? "")) throw new Refusal("ARCHIVE_INVALID", "states a size that is not a number");
}

/** Kinds of GNU tar, of which the library knows nothing, and the way to a tar without them. */
const gnuKinds: Readonly<Record<string, readonly [kind: string, hint: string]>> = {
  S: ["a sparse file of another program than GNU tar", "pack it again without sparse files"],
  V: ["a volume label", "pack it again without `--label`"],
  M: ["the rest of a file of another volume", "pack it again without `--multi-volume`"],
  D: ["a folder of an incremental dump", "pack it again without `--listed-incremental`"],
};

function kindOf(header: TarHeader, size: number, own: TarEntry | undefined): ArchiveMember["kind"] {
  if (own?.sparse !== undefined) return "file";
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
      throw unknownKind(own?.type ?? "");
  }
}

function unknownKind(type: string): Refusal {
  const [kind, hint] = gnuKinds[type] ?? [
    `of the unknown type ${quoted(type)}`,
    "pack it again with GNU tar or bsdtar",
  ];
  return new Refusal("ARCHIVE_UNSUPPORTED", `is ${kind}`, hint);
}
