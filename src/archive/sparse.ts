/**
 * Sparse files in tars, whose holes are not stored: the maps of GNU tar's formats, and the files with their zeros. GNU
 * tar, bsdtar, Python and Go read the same files. bsdtar writes version 1.0 by itself for every file with holes.
 *
 * @see GNU tar manual, "Storing Sparse Files"
 */
import { ByteReader } from "./byte-reader.ts";
import { type Chunks, chunkBytes } from "./chunks.ts";
import type { Budget } from "./limits.ts";
import { Refusal } from "./refusal.ts";

/** Stored bytes of a file, and their place in it. */
export interface StoredPart {
  readonly offset: number;
  readonly size: number;
}

export interface SparseFile {
  /** Undefined: the header's name. */
  readonly name: string | undefined;
  /** Bytes with the holes. */
  readonly size: number;
  /** Undefined: at the beginning of the content (version 1.0). */
  readonly parts: readonly StoredPart[] | undefined;
}

const blockBytes = 512;

/** Limit of a map in the content: 100,000 parts. */
const maxMapBytes = 4 * 1024 * 1024;

const zeros = Buffer.alloc(chunkBytes);

/** Keys of the versions 0.1 and 1.0, without the prefix. */
const keys = {
  "0.1": ["size", "numblocks", "map", "name"],
  "1.0": ["major", "minor", "name", "realsize"],
};

function invalid(): Refusal {
  return new Refusal("ARCHIVE_INVALID", "is a sparse file with a map that contradicts itself or the file's size");
}

function twoReadings(what: string): Refusal {
  return new Refusal("ARCHIVE_INVALID", `is a sparse file ${what}, which programs read in different ways`);
}

/** The file's name in the `path` that GNU tar writes beside a name in other records: `dir/GNUSparseFile.PID/name`. */
function withoutSparseFolder(path: string): string {
  return path.replace(/(^|\/)GNUSparseFile\.[0-9]+\/([^/]*)$/, "$1$2");
}

function numberIn(text: string | undefined): number {
  const value = /^[0-9]{1,16}$/.test(text ?? "") ? Number(text) : Number.NaN;
  if (!Number.isSafeInteger(value)) throw invalid();
  return value;
}

function partsOf(numbers: readonly number[], count: number): StoredPart[] {
  if (numbers.length !== 2 * count) throw invalid();
  return Array.from({ length: count }, (_, index) => ({
    offset: numbers[2 * index] ?? 0,
    size: numbers[2 * index + 1] ?? 0,
  }));
}

/** @returns Undefined for a file without PAX records of sparse files. @throws {Refusal} */
export function sparseFileOf(pax: Readonly<Record<string, string>>): SparseFile | undefined {
  const prefix = "GNU.sparse.";
  const found = Object.entries(pax).filter(([key]) => key.startsWith(prefix));
  if (found.length === 0) return undefined;
  const records = new Map(found.map(([key, value]) => [key.slice(prefix.length), value]));
  const hasOnly = (known: readonly string[]): boolean => [...records.keys()].every((key) => known.includes(key));
  const name = records.get("name");
  // Python takes the last record as the name, GNU tar and bsdtar the sparse file's.
  if (name !== undefined && pax.path !== undefined && ![pax.path, withoutSparseFolder(pax.path)].includes(name)) {
    throw twoReadings("with two names");
  }
  if (records.get("major") === "1" && records.get("minor") === "0" && hasOnly(keys["1.0"])) {
    return { name, size: numberIn(records.get("realsize")), parts: undefined };
  }
  const map = records.get("map");
  if (map !== undefined && hasOnly(keys["0.1"])) {
    const numbers = map.split(",").map(numberIn);
    return { name, size: numberIn(records.get("size")), parts: partsOf(numbers, numberIn(records.get("numblocks"))) };
  }
  throw new Refusal(
    "ARCHIVE_UNSUPPORTED",
    "is a sparse file of an unknown version",
    "pack it again with `--sparse-version=1.0`, or without `--sparse`",
  );
}

/**
 * The whole content of a sparse file.
 *
 * @param stored Content in the archive, of `storedBytes`.
 * @param budget Gets the bytes of the holes; the caller counts the stored bytes.
 * @throws {Refusal}
 */
export async function* withHoles(
  { size, parts }: SparseFile,
  stored: AsyncIterable<Uint8Array>,
  storedBytes: number,
  budget: Budget,
): Chunks {
  const reader = new ByteReader(stored);
  const map = parts === undefined ? await readMap(reader) : { parts, bytes: 0 };
  checkParts(map.parts, size, storedBytes - map.bytes);
  let position = 0;
  for (const part of map.parts) {
    yield* hole(part.offset - position, budget);
    for (let left = part.size; left > 0; ) {
      const chunk = await reader.take(Math.min(left, chunkBytes));
      if (chunk.length === 0) throw invalid();
      left -= chunk.length;
      yield chunk;
    }
    position = part.offset + part.size;
  }
  // Reaches the end of the stream, as readers of other files do.
  if ((await reader.take(1)).length > 0) throw invalid();
}

function* hole(size: number, budget: Budget): Generator<Uint8Array, void, undefined> {
  for (let left = size; left > 0; left -= chunkBytes) {
    const chunk = zeros.subarray(0, left);
    budget.countBytes(chunk.length);
    yield chunk;
  }
}

/**
 * Parts in ascending order, without overlaps, which hold the stored bytes and no others.
 *
 * For GNU tar alone, each part begins a block of the archive, and the file ends with its last part. All writers keep to
 * both: a hole at the end is followed by an empty part.
 */
function checkParts(parts: readonly StoredPart[], size: number, storedBytes: number): void {
  let end = 0;
  let sum = 0;
  for (const part of parts) {
    if (part.offset < end || part.offset + part.size > size) throw invalid();
    if (part.size > 0 && sum % blockBytes !== 0) throw twoReadings("with parts of broken blocks");
    end = part.offset + part.size;
    sum += part.size;
  }
  if (sum !== storedBytes) throw invalid();
  if (end !== size) throw twoReadings("without a part at its end");
}

/** The map of version 1.0: a count, then as many pairs of offset and size, each number on a line, in whole blocks. */
async function readMap(reader: ByteReader): Promise<{ readonly parts: readonly StoredPart[]; readonly bytes: number }> {
  const numbers: number[] = [];
  let rest = "";
  let bytes = 0;
  const isComplete = (): boolean => numbers.length > 0 && numbers.length > 2 * (numbers[0] ?? 0);
  while (!isComplete()) {
    const block = await reader.take(blockBytes);
    bytes += blockBytes;
    if (block.length < blockBytes || bytes > maxMapBytes) throw invalid();
    const lines = (rest + Buffer.from(block).toString("latin1")).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (!isComplete()) numbers.push(numberIn(line));
    if (rest.length > blockBytes) throw invalid();
  }
  const [count = 0, ...pairs] = numbers;
  return { parts: partsOf(pairs, count), bytes };
}
