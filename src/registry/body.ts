import type { RequestBody } from "../http/client.ts";

/** A request's body from memory. */
export function bytesBody(bytes: Uint8Array): RequestBody {
  return {
    sizeBytes: bytes.byteLength,
    open: async function* () {
      yield bytes;
    },
  };
}
