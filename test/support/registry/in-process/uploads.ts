/** Uploads: in one request, in one PUT after a POST, in chunks, or mounted from another repository. */
import { errorReply, type RegistryRequest, type Reply, reply } from "./exchange.ts";
import { digestWith, isStorageDigest, type Storage } from "./storage.ts";

function store(repository: string, digest: string | null, bytes: Buffer, storage: Storage): Reply {
  if (digest === null || !isStorageDigest(digest)) return errorReply(400, "DIGEST_INVALID");
  if (digestWith(digest.split(":", 1)[0] ?? "", bytes) !== digest) return errorReply(400, "DIGEST_INVALID");
  storage.open(repository).blobs.set(digest, bytes);
  return created(repository, digest);
}

function created(repository: string, digest: string): Reply {
  return reply(201, { location: `/v2/${repository}/blobs/${digest}`, "docker-content-digest": digest });
}

/** @param id Of an upload that is there. */
function progress(status: number, repository: string, id: string, storage: Storage): Reply {
  const size = storage.uploads.get(id)?.length ?? 0;
  const location = `/v2/${repository}/blobs/uploads/${id}`;
  return reply(status, { location, range: `0-${Math.max(0, size - 1)}`, "docker-upload-uuid": id });
}

export function startUpload(request: RegistryRequest, repository: string, storage: Storage): Reply {
  const { searchParams } = request.url;
  const mount = searchParams.get("mount");
  const from = searchParams.get("from");
  if (mount !== null) {
    const bytes = from === null ? storage.findBlob(mount) : storage.find(from)?.blobs.get(mount);
    if (bytes !== undefined) {
      storage.open(repository).blobs.set(mount, bytes);
      return created(repository, mount);
    }
  }
  if (searchParams.has("digest")) return store(repository, searchParams.get("digest"), request.body, storage);
  return progress(202, repository, storage.startUpload(), storage);
}

export function uploadReply(request: RegistryRequest, repository: string, id: string, storage: Storage): Reply {
  const before = storage.uploads.get(id);
  if (before === undefined) return errorReply(404, "BLOB_UPLOAD_UNKNOWN");
  const range = /^([0-9]+)-([0-9]+)$/.exec(request.headers["content-range"] ?? "");
  switch (request.method) {
    case "GET":
      return progress(204, repository, id, storage);
    case "DELETE":
      storage.uploads.delete(id);
      return reply(204);
    case "PATCH":
    case "PUT": {
      if (range !== null && Number(range[1]) !== before.length) return progress(416, repository, id, storage);
      const after = Buffer.concat([before, request.body]);
      if (request.method === "PATCH") {
        storage.uploads.set(id, after);
        return progress(202, repository, id, storage);
      }
      const stored = store(repository, request.url.searchParams.get("digest"), after, storage);
      if (stored.status === 201) storage.uploads.delete(id);
      return stored;
    }
    default:
      return errorReply(405, "UNSUPPORTED");
  }
}
