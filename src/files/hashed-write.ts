/** Streams bytes into a new file and hashes them on their way; hashing and writing overlap. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { localIoError } from "../errors.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";

export interface WrittenFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** The first bytes, up to `headBytes`: enough to tell an executable. */
  readonly head: Uint8Array;
}

/** How long something may get. */
export interface SizeBound {
  /** The chunk that goes past it is not written. */
  readonly maxBytes: number;
  /** Makes the error for that. */
  readonly tooLong: () => Error;
}

export const headBytes = 64;
/** Chunks are written in pieces of at least this size. */
const pieceBytes = 512 * 1024;

/** A file that grows by one stream after another, and the hash of all of it. */
export class HashedFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash("sha256");
  #head: Uint8Array = new Uint8Array();
  #size = 0;

  /** @param handle Of an empty file. */
  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /**
   * @param path Must not exist.
   * @param name For messages.
   */
  static async create(path: string, name = path): Promise<HashedFile> {
    return new HashedFile(name, await open(path, "wx", 0o600));
  }

  /** Bytes that are in the file, and in its hash. */
  get size(): number {
    return this.#size;
  }

  /**
   * When the source fails, what came before is in the file; when writing fails, the file is good for nothing.
   *
   * @param bound Of the whole file; undefined is none.
   * @param onBytes Told the size of each chunk.
   */
  async append(
    source: AsyncIterable<Uint8Array>,
    bound: SizeBound | undefined,
    signal: AbortSignal,
    onBytes: (chunkBytes: number) => void = () => {},
  ): Promise<void> {
    let piece: Uint8Array[] = [];
    let pieceSize = 0;
    let writing: Promise<void> = Promise.resolve();
    const flush = async (): Promise<void> => {
      await writing;
      if (pieceSize === 0) return;
      writing = this.#writeAt(piece, pieceSize, this.#size - pieceSize);
      // It is awaited before the next piece; until then nobody else would hear of its failure.
      writing.catch(() => {});
      piece = [];
      pieceSize = 0;
    };
    try {
      for await (const chunk of source) {
        signal.throwIfAborted();
        if (bound !== undefined && this.#size + chunk.byteLength > bound.maxBytes) throw bound.tooLong();
        this.#size += chunk.byteLength;
        const missing = headBytes - this.#head.byteLength;
        if (missing > 0) this.#head = Buffer.concat([this.#head, chunk.subarray(0, missing)]);
        piece.push(chunk);
        pieceSize += chunk.byteLength;
        this.#hash.update(chunk);
        onBytes(chunk.byteLength);
        if (pieceSize >= pieceBytes) await flush();
      }
    } finally {
      await flush();
      await writing;
    }
  }

  /** Empties the file. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash("sha256");
    this.#head = new Uint8Array();
    this.#size = 0;
  }

  written(): WrittenFile {
    return { digest: digestFromHex(this.#hash.copy().digest("hex")), size: this.#size, head: this.#head };
  }

  /** The open file, whatever its path leads to by now. */
  get handle(): FileHandle {
    return this.#handle;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #writeAt(chunks: Uint8Array[], size: number, position: number): Promise<void> {
    try {
      let { bytesWritten } = await this.#handle.writev(chunks, position);
      if (bytesWritten === size) return;
      // A short write happens when the disk fills up; the next one then says so.
      const bytes = Buffer.concat(chunks);
      while (bytesWritten < size) {
        bytesWritten += (await this.#handle.write(bytes, bytesWritten, undefined, position + bytesWritten))
          .bytesWritten;
      }
    } catch (cause) {
      throw localIoError(`write ${this.#path}`, cause);
    }
  }
}

/**
 * @param path Must not exist.
 * @param bound Undefined is none.
 * @param name For messages.
 */
export async function writeHashed(
  path: string,
  source: AsyncIterable<Uint8Array>,
  bound: SizeBound | undefined,
  signal: AbortSignal,
  name = path,
): Promise<WrittenFile> {
  const file = await HashedFile.create(path, name);
  try {
    await file.append(source, bound, signal);
    return file.written();
  } finally {
    await file.close();
  }
}
