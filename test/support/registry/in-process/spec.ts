/**
 * The distribution spec, version 1.1, as a function from a request to a reply.
 *
 * @see OCI distribution-spec v1.1.1, "Endpoints"
 */
import { blobReply, deleteBlob } from "./blobs.ts";
import { errorReply, type RegistryRequest, type Reply, reply } from "./exchange.ts";
import { deleteManifest, manifestReply, putManifest, referrersReply, tagsReply } from "./manifests.ts";
import type { Storage } from "./storage.ts";
import { startUpload, uploadReply } from "./uploads.ts";

const name = "[a-z0-9]+(?:[._/-]+[a-z0-9]+)*";
const paths = {
  upload: new RegExp(`^/v2/(${name})/blobs/uploads/([^/]+)$`),
  uploads: new RegExp(`^/v2/(${name})/blobs/uploads/?$`),
  blob: new RegExp(`^/v2/(${name})/blobs/([^/]+)$`),
  manifest: new RegExp(`^/v2/(${name})/manifests/([^/]+)$`),
  tags: new RegExp(`^/v2/(${name})/tags/list$`),
  referrers: new RegExp(`^/v2/(${name})/referrers/([^/]+)$`),
} as const;

type Endpoint = keyof typeof paths;

interface Match {
  readonly endpoint: Endpoint;
  readonly repository: string;
  readonly item: string;
}

function match(path: string): Match | undefined {
  for (const [endpoint, pattern] of Object.entries(paths) as [Endpoint, RegExp][]) {
    const found = pattern.exec(path);
    if (found !== null) return { endpoint, repository: found[1] ?? "", item: decodeURIComponent(found[2] ?? "") };
  }
  return undefined;
}

export function answer(request: RegistryRequest, storage: Storage): Reply {
  const { pathname } = request.url;
  if (pathname === "/v2/" || pathname === "/v2") return reply(200);
  const found = match(pathname);
  if (found === undefined) return errorReply(404, "NAME_INVALID");
  const { repository, item } = found;
  const isRead = request.method === "GET" || request.method === "HEAD";
  switch (found.endpoint) {
    case "uploads":
      return request.method === "POST" ? startUpload(request, repository, storage) : errorReply(405, "UNSUPPORTED");
    case "upload":
      return uploadReply(request, repository, item, storage);
    case "blob":
      if (isRead) return blobReply(request, repository, item, storage);
      return request.method === "DELETE" ? deleteBlob(repository, item, storage) : errorReply(405, "UNSUPPORTED");
    case "manifest":
      if (isRead) return manifestReply(repository, item, storage);
      if (request.method === "PUT") return putManifest(request, repository, item, storage);
      return request.method === "DELETE" ? deleteManifest(repository, item, storage) : errorReply(405, "UNSUPPORTED");
    case "tags":
      return isRead ? tagsReply(request, repository, storage) : errorReply(405, "UNSUPPORTED");
    case "referrers":
      return isRead ? referrersReply(request, repository, item, storage) : errorReply(405, "UNSUPPORTED");
  }
}
