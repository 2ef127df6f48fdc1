/** Streaming of bytes into a new file, hashed on the way; hashing and writing overlap. */
import { createHash, type Hash } from "node:crypto";
import { type FileHandle, open } from "node:fs/promises";
import { localIoError } from "../errors.ts";
import { type Digest, digestFromHex } from "../model/digest.ts";
import { release } from "./released-bytes.ts";

export interface WrittenFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** The first bytes, at most `headBytes`: enough to recognize an executable. */
  readonly head: Uint8Array;
}

/** Upper limit of a file's size. */
export interface SizeBound {
  /** A chunk that exceeds the limit is not written. */
  readonly maxBytes: number;
  /** Creates the error for a longer stream. */
  readonly tooLong: () => Error;
}

export const headBytes = 64;
/** Minimum bytes per write, except for the last write of a stream. */
const pieceBytes = 512 * 1024;

/** A file that grows stream by stream, and the hash of the whole file. */
export class HashedFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  #hash: Hash = createHash("sha256");
  #head: Uint8Array = new Uint8Array();
  #size = 0;

  /**
   * @param path Names the file in messages.
   * @param handle An empty file, open for writing.
   */
  constructor(path: string, handle: FileHandle) {
    this.#path = path;
    this.#handle = handle;
  }

  /**
   * @param path Must not exist.
   * @param name Names the file in messages.
   * @throws Node's error
   */
  static async create(path: string, name = path): Promise<HashedFile> {
    return new HashedFile(name, await open(path, "wx", 0o600));
  }

  /** Bytes in the file and in the hash. */
  get size(): number {
    return this.#size;
  }

  /**
   * Appends a stream. After an error of the source, the file holds the bytes before the error. After a write error, the
   * file's content is undefined.
   *
   * @param bound Limit of the whole file; undefined for no limit.
   * @param onBytes Receives the size of each chunk.
   * @throws {LocalIoError} the write failed; the source's error and `bound`'s pass through
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
      // Awaited before the next piece; the handler avoids an unhandled rejection until then.
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

  /** {@link append} to an empty file, then closes the file. */
  async fill(
    source: AsyncIterable<Uint8Array>,
    bound: SizeBound | undefined,
    signal: AbortSignal,
  ): Promise<WrittenFile> {
    try {
      await this.append(source, bound, signal);
      return this.written();
    } finally {
      await this.close();
    }
  }

  /** Truncates the file to zero bytes. */
  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = createHash("sha256");
    this.#head = new Uint8Array();
    this.#size = 0;
  }

  written(): WrittenFile {
    return { digest: digestFromHex(this.#hash.copy().digest("hex")), size: this.#size, head: this.#head };
  }

  /** The open file, independent of its path. */
  get handle(): FileHandle {
    return this.#handle;
  }

  async close(): Promise<void> {
    await this.#handle.close();
  }

  async #writeAt(chunks: Uint8Array[], size: number, position: number): Promise<void> {
    try {
      let { bytesWritten } = await this.#handle.writev(chunks, position);
      if (bytesWritten === size) {
        for (const chunk of chunks) release(chunk);
        return;
      }
      // A full disk causes a short write; the next write reports the error.
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
 * Writes a stream into a new file.
 *
 * @param path Must not exist.
 * @param bound Undefined for no limit.
 */
export async function writeHashed(
  path: string,
  source: AsyncIterable<Uint8Array>,
  bound: SizeBound | undefined,
  signal: AbortSignal,
): Promise<WrittenFile> {
  const file = await HashedFile.create(path);
  return await file.fill(source, bound, signal);
}
