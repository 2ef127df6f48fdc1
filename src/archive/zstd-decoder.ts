/**
 * One frame of zstd, block by block, in JavaScript.
 *
 * The library makes a window of all the bytes that a frame asks for, and moves the whole of it at each block: 128 MiB for a frame or a
 * block of nothing. So it is shown a header with a small window, and what came is kept here, in memory that grows with what comes.
 */
import { Decompress } from "fzstd";

/** RFC 8878, section 3.1.1.2.4: no block is larger, compressed or not. */
export const maxBlockBytes: number = 128 * 1024;

/** Window descriptor for 128 KiB (section 3.1.1.1.2). */
const smallWindow = 7 << 3;
/**
 * Magic number, descriptor, window, no dictionary (4 bytes), no size (8 bytes): 18 bytes, which is what the library waits for before it
 * reads a header. Without a checksum, since that is not its to check.
 */
const header = Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd, 0xc3, smallWindow, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);

/** The library's state between two blocks, as version 0.1.1 names it. */
interface FrameState {
  /** Bytes that a block can point back to. */
  w: Uint8Array;
  /** Where they end. */
  e: number;
}

/** Output, as far back as a block may point; used by one frame after the other. */
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

  /** A quarter more than the window at most, so that it is moved once for as many bytes. */
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

/** Bytes that the library may move after each block. */
const scratch = new Uint8Array(maxBlockBytes);

export class FrameDecoder {
  readonly #history: History;
  readonly #decoder: Decompress;
  readonly #state: FrameState;
  #decoded: Uint8Array = new Uint8Array(0);

  /** @param windowBytes As the frame's own header states it. @param history May have served an earlier frame. */
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

  /** @param block One, with its header. @throws what the library throws at damaged bytes */
  decode(block: Uint8Array): Uint8Array {
    this.#history.lendTo(this.#state);
    this.#decoder.push(block);
    const decoded = this.#decoded;
    this.#decoded = new Uint8Array(0);
    return decoded;
  }
}
