/** Blobs: read whole or by range, deleted. */
import { errorReply, type RegistryRequest, type Reply, reply } from "./exchange.ts";
import { isStorageDigest, type Storage } from "./storage.ts";

/** One range of bytes, both ends included; undefined for what is no such thing. */
function rangeOf(header: string | undefined, size: number): { first: number; last: number } | undefined {
  const found = /^bytes=([0-9]*)-([0-9]*)$/.exec(header ?? "");
  if (found === null || (found[1] === "" && found[2] === "")) return undefined;
  if (found[1] === "") return { first: Math.max(0, size - Number(found[2])), last: size - 1 };
  return { first: Number(found[1]), last: found[2] === "" ? size - 1 : Math.min(Number(found[2]), size - 1) };
}

export function blobReply(request: RegistryRequest, repository: string, digest: string, storage: Storage): Reply {
  if (!isStorageDigest(digest)) return errorReply(400, "DIGEST_INVALID");
  const bytes = storage.find(repository)?.blobs.get(digest);
  if (bytes === undefined) return errorReply(404, "BLOB_UNKNOWN");
  const headers = {
    "content-type": "application/octet-stream",
    "docker-content-digest": digest,
    "accept-ranges": "bytes",
  };
  const range = rangeOf(request.headers.range, bytes.length);
  if (range === undefined) return reply(200, headers, bytes);
  const { first, last } = range;
  if (first > last) return reply(416, { "content-range": `bytes */${bytes.length}` });
  const partial = { ...headers, "content-range": `bytes ${first}-${last}/${bytes.length}` };
  return reply(206, partial, bytes.subarray(first, last + 1));
}

export function deleteBlob(repository: string, digest: string, storage: Storage): Reply {
  if (!isStorageDigest(digest)) return errorReply(400, "DIGEST_INVALID");
  return storage.find(repository)?.blobs.delete(digest) ? reply(202) : errorReply(404, "BLOB_UNKNOWN");
}
