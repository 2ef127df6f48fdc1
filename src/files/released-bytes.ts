/**
 * Early release of bytes that were written or hashed. The garbage collector counts memory outside of its heap, and frees
 * this memory late: a transfer would keep up to 64 MiB of chunks that nobody needs, and spend a tenth of its time on
 * their collection.
 */

/** ES2024; Node 20 lacks the method and leaves the memory to the garbage collector. */
interface Transferable {
  readonly transfer?: (newBytes: number) => unknown;
}

/** Memory of one chunk alone, without another user. */
const owned = new WeakSet<ArrayBufferLike>();

/** Marks a chunk for {@link release} by its last user. The chunk's memory must have no other user. */
export function markOwned(chunk: Uint8Array): void {
  if (chunk.byteLength === chunk.buffer.byteLength) owned.add(chunk.buffer);
}

/** Frees the memory of a marked chunk, which is empty afterwards. Does nothing for other chunks. */
export function release({ buffer }: Uint8Array): void {
  if (owned.delete(buffer)) (buffer as Transferable).transfer?.(0);
}
