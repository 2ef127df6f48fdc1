/**
 * Decoder of one zstd frame, block by block, in JavaScript.
 *
 * The library allocates the whole window stated by a frame, and moves it after each block: up to 128 MiB even for an
 * empty frame or block. Therefore the library gets a header with a small window, and this module keeps the history, in
 * memory that grows with the output.
 */
import { Decompress } from "fzstd";

/** RFC 8878, section 3.1.1.2.4: no block is larger, compressed or not. */
export const maxBlockBytes: number = 128 * 1024;

/** Window descriptor for 128 KiB (section 3.1.1.1.2). */
const smallWindow = 7 << 3;
/**
 * Magic number, descriptor, window, zero dictionary ID (4 bytes), zero content size (8 bytes). The library reads a
 * header only after 18 bytes. No checksum, since the caller verifies the checksum.
 */
const header = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xc3, smallWindow, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** The library's state between two blocks, with the names of version 0.1.1. */
interface FrameState {
  /** History for back references. */
  w: Uint8Array;
  /** End of the history. */
  e: number;
}

/** Recent output up to the window size, for back references; reused across frames. */
export class History {
  #bytes: Uint8Array = new Uint8Array(2 * maxBlockBytes);
  #end = 0;
  #windowBytes = 0;

  startFrame(windowBytes: number): void {
    this.#windowBytes = windowBytes;
    this.#end = 0;
  }

  append(block: Uint8Array): void {
    if (this.#end + block.length > this.#bytes.length) this.#makeRoom(block.length);
    this.#bytes.set(block, this.#end);
    this.#end += block.length;
  }

  lendTo(state: FrameState): void {
    state.w = this.#bytes;
    state.e = this.#end;
  }

  /** Keeps up to a quarter more than the window, so that the window is moved only once per such a quarter. */
  #makeRoom(blockBytes: number): void {
    const kept = this.#bytes.subarray(Math.max(0, this.#end - this.#windowBytes), this.#end);
    const most = Math.ceil(this.#windowBytes * 1.25) + maxBlockBytes;
    const wanted = Math.min(most, 2 * (kept.length + blockBytes));
    if (wanted > this.#bytes.length) {
      this.#bytes = new Uint8Array(wanted);
      this.#bytes.set(kept);
    } else {
      this.#bytes.copyWithin(0, kept.byteOffset - this.#bytes.byteOffset, this.#end);
    }
    this.#end = kept.length;
  }
}

/** Dummy window that the library moves after each block. */
const scratch = new Uint8Array(maxBlockBytes);

export class FrameDecoder {
  readonly #history: History;
  readonly #decoder: Decompress;
  readonly #state: FrameState;
  #decoded: Uint8Array = new Uint8Array(0);

  /** @param windowBytes As stated by the frame's header. @param history May come from an earlier frame. */
  constructor(windowBytes: number, history: History) {
    this.#history = history;
    history.startFrame(windowBytes);
    this.#decoder = new Decompress((chunk) => {
      this.#decoded = chunk;
      history.append(chunk);
      this.#state.w = scratch;
    });
    this.#decoder.push(header);
    this.#state = (this.#decoder as unknown as { readonly s: FrameState }).s;
  }

  /** @param block One block with its header. @throws The library's error for damaged bytes */
  decode(block: Uint8Array): Uint8Array {
    this.#history.lendTo(this.#state);
    this.#decoder.push(block);
    const decoded = this.#decoded;
    this.#decoded = new Uint8Array(0);
    return decoded;
  }
}
