/**
 * Second reading of a tar's layout, against archives in which programs find different entries. Most programs stop at a
 * block of zeros, the end mark; the library goes on. Whatever follows the mark is refused (JoviDeCroock/drydock#659),
 * and so is an entry whose content the library finds elsewhere. Checksums and names are the library's work.
 */
import { Refusal } from "./refusal.ts";
import type { SparseFile, StoredPart } from "./sparse.ts";

const blockBytes = 512;

/** Limit of the library for one extended header. */
const maxExtendedBytes = 4 * 1024 * 1024;

/** Largest size in the octal digits of a header; a larger one needs a PAX record (POSIX.1-2024, pax). */
const maxOctalSize = 0o77777777777;

/** Headers that describe the next entry (`x`, and GNU's `K`, `L`, `N`), or all entries (`g`). */
const extendedTypes = "xgKLN";

/** PAX records that change what an entry is; stated for all entries, they are read by some programs only. */
const identityRecords = ["path", "linkpath", "size"];

/** An entry of the tar. */
export interface TarEntry {
  /** Type flag of the header. */
  readonly type: string;
  /** Place of the content, in bytes from the start of the tar as it is passed on. */
  readonly offset: number;
  /** Bytes of the content. */
  readonly size: number;
  /** The map of a sparse file of GNU tar's old format. */
  readonly sparse: SparseFile | undefined;
}

/** A sparse file of the old format, whose map goes on in the next block. */
interface OpenMap {
  readonly storedBytes: number;
  readonly size: number;
  readonly parts: StoredPart[];
}

/** Limit of the parts of one file. */
const maxParts = 100_000;

function padded(size: number): number {
  return Math.ceil(size / blockBytes) * blockBytes;
}

export class TarLayout {
  readonly #entries: TarEntry[] = [];
  #position = 0;
  #map: OpenMap | undefined;
  /** End of the header of `#map`. */
  #held: Uint8Array = new Uint8Array(0);
  /** Bytes of content to pass over. */
  #skip = 0;
  #parts: Uint8Array[] = [];
  /** Bytes still lacking in `#parts`. */
  #lacking = blockBytes;
  /** Type and size of the extended header whose content is being collected. */
  #extended: { readonly type: string; readonly size: number } | undefined;
  /** Types of the extended headers of the next entry. */
  #seen = "";
  #pax: ReadonlyMap<string, string> = new Map();
  #state: "entries" | "ended" | "unreadable" = "entries";

  /**
   * The tar without the extended maps of old sparse files, which the library takes for content.
   *
   * @throws {Refusal} `ARCHIVE_INVALID`
   */
  async *watched(source: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of source) yield* this.#read(chunk);
  }

  /** The next entry that was not checked yet; undefined if none was found. */
  get next(): TarEntry | undefined {
    return this.#entries[0];
  }

  /** Compares the next entry with the library's. @throws {Refusal} `ARCHIVE_INVALID` */
  checkEntry(offset: number, size: number): void {
    const own = this.#entries.shift();
    if (own?.offset !== offset || own.size !== size) throw twoReadings("states the place or size of its content twice");
  }

  /** @throws {Refusal} `ARCHIVE_INVALID` */
  checkEnd(): void {
    if (this.#state === "unreadable") throw twoReadings("states a size that is not a number");
    if (this.#entries.length > 0) throw twoReadings("has an entry that not every program finds");
    // The library accepts the end of the stream as the tar's end.
    if (this.#state !== "ended") throw new Refusal("ARCHIVE_INVALID", "is truncated: the end mark of a tar is missing");
  }

  *#read(chunk: Uint8Array): Generator<Uint8Array, void, undefined> {
    /** Offset of the first byte that is not passed on yet. */
    let first = 0;
    for (let at = 0; at < chunk.length && this.#state !== "unreadable"; ) {
      if (this.#state === "ended") {
        checkZeros(chunk.subarray(at));
        // The library wants whole blocks; the zeros behind the mark may end anywhere.
        if (first < at) yield chunk.subarray(first, at);
        return;
      }
      const start = at;
      const taken = chunk.subarray(start, start + (this.#skip > 0 ? this.#skip : this.#lacking));
      at += taken.length;
      const wasMap = this.#map !== undefined;
      if (!wasMap) this.#position += taken.length;
      this.#take(taken);
      const isMap = this.#map !== undefined;
      if (!wasMap && !isMap) continue;
      // The library gets the header with the end of the map, when the entry is known here.
      if (!wasMap) this.#held = taken;
      if (first < start) yield chunk.subarray(first, start);
      first = at;
      if (!isMap) yield this.#held;
    }
    if (first < chunk.length) yield chunk.subarray(first);
  }

  #take(bytes: Uint8Array): void {
    if (this.#skip > 0) {
      this.#skip -= bytes.length;
      return;
    }
    this.#parts.push(bytes);
    this.#lacking -= bytes.length;
    if (this.#lacking > 0) return;
    const block = Buffer.concat(this.#parts);
    this.#parts = [];
    this.#lacking = blockBytes;
    if (this.#map !== undefined) this.#readMap(block, this.#map);
    else if (this.#extended !== undefined) this.#readExtended(block, this.#extended);
    else this.#readHeader(block);
  }

  #readHeader(block: Buffer): void {
    if (isZero(block)) {
      this.#state = "ended";
      return;
    }
    const type = String.fromCharCode(block[156] ?? 0);
    const size = sizeIn(block);
    const isExtended = extendedTypes.includes(type);
    // `checkEntry` then refuses the entry, if the library can read it.
    if (size === undefined || (isExtended && size > maxExtendedBytes)) {
      this.#state = "unreadable";
      return;
    }
    if (!isExtended) {
      if (type === "S" && isGnu(block)) this.#readOldSparse(block, size);
      else this.#readEntry(type, size);
      return;
    }
    if (type !== "g" && this.#seen.includes(type)) throw twoReadings("has an entry with two headers of one kind");
    this.#seen += type === "g" ? "" : type;
    this.#extended = { type, size };
    if (size === 0) this.#readExtended(block.subarray(0, 0), this.#extended);
    else this.#lacking = padded(size);
  }

  #readExtended(bytes: Buffer, { type, size }: { readonly type: string; readonly size: number }): void {
    this.#extended = undefined;
    if (type !== "x" && type !== "g") return;
    const records = paxRecords(bytes.subarray(0, size));
    if (type === "x") this.#pax = records;
    else if ([...records.keys()].some((key) => identityRecords.includes(key) || key.startsWith("GNU.sparse."))) {
      throw twoReadings("states one path or size for all entries");
    }
  }

  #readOldSparse(block: Buffer, storedBytes: number): void {
    const size = numberIn(block.subarray(483, 495));
    if ([...this.#pax.keys()].some((key) => key === "size" || key.startsWith("GNU.sparse.")) || size === undefined) {
      throw twoReadings("has a sparse file that states two sizes or none");
    }
    this.#readMap(block.subarray(386, 483), { storedBytes, size, parts: [] });
  }

  /** @param block Pairs of offset and size in 24 bytes each, and a byte that says whether a further block follows. */
  #readMap(block: Buffer, map: OpenMap): void {
    let at = 0;
    // GNU tar ends the map at an empty size, Go at an empty offset.
    for (; at + 24 < block.length && (block[at] !== 0 || block[at + 12] !== 0); at += 24) {
      const offset = numberIn(block.subarray(at, at + 12));
      const size = numberIn(block.subarray(at + 12, at + 24));
      const isHalf = block[at] === 0 || block[at + 12] === 0;
      if (offset === undefined || size === undefined || isHalf || map.parts.length >= maxParts) {
        throw new Refusal("ARCHIVE_INVALID", "has a sparse file with a map that is damaged or too long");
      }
      map.parts.push({ offset, size });
    }
    const hasMore = block[block.length === blockBytes ? 504 : block.length - 1] !== 0;
    if (hasMore && at + 24 < block.length) throw twoReadings("has a sparse file whose map ends twice");
    this.#map = hasMore ? map : undefined;
    if (!hasMore) this.#readEntry("S", map.storedBytes, { name: undefined, size: map.size, parts: map.parts });
  }

  #readEntry(type: string, headerSize: number, sparse?: SparseFile): void {
    const stated = this.#pax.get("size");
    const size = stated === undefined || stated === "" ? headerSize : Number(stated);
    if (!Number.isSafeInteger(size) || size < 0) {
      this.#state = "unreadable";
      return;
    }
    if (size !== headerSize && size <= maxOctalSize) throw twoReadings("has an entry that states two sizes");
    if (/[LN]/.test(this.#seen) && this.#pax.has("path")) throw twoReadings("has an entry with two long names");
    if (this.#seen.includes("K") && this.#pax.has("linkpath")) throw twoReadings("has a link with two long targets");
    this.#entries.push({ type, offset: this.#position, size, sparse });
    this.#skip = type === "5" ? 0 : padded(size);
    this.#seen = "";
    this.#pax = new Map();
  }
}

function twoReadings(reason: string): Refusal {
  return new Refusal(
    "ARCHIVE_INVALID",
    `${reason}: it is damaged, or other programs read it in another way`,
    "pack it again with one program, such as GNU tar or bsdtar: fetching it again gives the same entries",
  );
}

function isZero(bytes: Uint8Array): boolean {
  return bytes.every((byte) => byte === 0);
}

function checkZeros(bytes: Uint8Array): void {
  if (isZero(bytes)) return;
  throw new Refusal(
    "ARCHIVE_INVALID",
    "hides bytes behind its end mark, where other programs stop",
    "pack it again; tars that were joined by `cat` hide all but the first",
  );
}

function sizeIn(header: Buffer): number | undefined {
  return numberIn(header.subarray(124, 136));
}

function isGnu(header: Buffer): boolean {
  return header.subarray(257, 265).toString("latin1") === "ustar  \0";
}

/** Undefined for anything but octal digits, or the binary number of GNU tar. */
function numberIn(field: Buffer): number | undefined {
  if (field[0] === 0x80) {
    const size = Number(BigInt(`0x${field.subarray(1).toString("hex")}`));
    return Number.isSafeInteger(size) ? size : undefined;
  }
  const digits = /^ *([0-7]*)[ \0]*$/.exec(field.toString("latin1"))?.[1];
  return digits === undefined ? undefined : Number.parseInt(digits === "" ? "0" : digits, 8);
}

/** The records until the first that is malformed, as the library reads them. */
function paxRecords(bytes: Buffer): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let rest = bytes; rest.length > 0; ) {
    const digits = /^([1-9][0-9]{0,9}) /.exec(rest.subarray(0, 12).toString("latin1"))?.[1];
    if (digits === undefined) break;
    const record = rest.subarray(digits.length + 1, Number(digits) - 1).toString("utf8");
    const equals = record.indexOf("=");
    if (equals === -1) break;
    records.set(record.slice(0, equals), record.slice(equals + 1));
    rest = rest.subarray(Number(digits));
  }
  return records;
}
