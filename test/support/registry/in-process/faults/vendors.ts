/** What registries do differently from each other, and from the spec. */
import { gzipSync } from "node:zlib";
import { errorReply, jsonReply, reply } from "../exchange.ts";
import { altering, type Fault } from "./fault.ts";
import { manifestReads, tagLists } from "./selectors.ts";

/** ECR and others leave `Docker-Content-Digest` out. */
export function noDigestHeader(): Fault {
  return altering((_request, before) => {
    const { "docker-content-digest": _, ...headers } = before.headers;
    return { ...before, headers };
  });
}

/** GHCR has no referrers API. */
export function noReferrers(): Fault {
  return (request, next) => (request.url.pathname.includes("/referrers/") ? errorReply(404, "NOT_FOUND") : next());
}

/** GitLab answers 404 to whoever does not accept OCI's types. */
export function demandAccept(): Fault {
  return (request, next) =>
    manifestReads(request) && !request.headers.accept?.includes("application/vnd.oci.image.manifest.v1+json")
      ? errorReply(404, "MANIFEST_UNKNOWN")
      : next();
}

/**
 * `Link` of a list of tags.
 *
 * @param parameters What follows the address; Artifactory has some of its own before `rel`.
 */
export function linkTags(link: (page: URL) => string, parameters = '; rel="next"'): Fault {
  return altering((request, before) =>
    tagLists(request)
      ? { ...before, headers: { ...before.headers, link: `<${link(request.url)}>${parameters}` } }
      : before,
  );
}

/** GHCR's cap on one PATCH. */
export function capPatch(maxBytes: number): Fault {
  return (request, next) =>
    request.method === "PATCH" && request.body.length > maxBytes ? errorReply(413, "SIZE_INVALID") : next();
}

/** Quay compresses small blobs for whoever does not say that it wants them as they are. */
export function gzipUnlessIdentity(): Fault {
  return altering((request, before) =>
    before.status === 200 && request.method === "GET" && request.headers["accept-encoding"] !== "identity"
      ? { ...before, headers: { ...before.headers, "content-encoding": "gzip" }, body: gzipSync(before.body) }
      : before,
  );
}

/** Some proxies refuse HEAD, and some storage signs its addresses for GET alone. */
export function refuseHead(status: number): Fault {
  return (request, next) => (request.method === "HEAD" ? reply(status) : next());
}

/** Some storage signs its addresses for a request without a Range. */
export function refuseRange(status: number): Fault {
  return (request, next) => (request.headers.range === undefined ? next() : reply(status));
}

/** Artifactory mishandles a Range that nobody needs: one from the first byte. */
export function mishandleFullRange(): Fault {
  return (request, next) => (request.headers.range === "bytes=0-" ? reply(500) : next());
}

/** ECR and Quay refuse pages of tags that are too long. */
export function capTagPages(maxTags: number, status: 400 | 413): Fault {
  return (request, next) => (Number(request.url.searchParams.get("n") ?? 0) > maxTags ? reply(status) : next());
}

/** Harbor: HEAD of a manifest states another length than GET. */
export function headStatesAnotherLength(): Fault {
  return altering((request, before) =>
    request.method === "HEAD" && before.status === 200
      ? { ...before, headers: { ...before.headers, "content-length": String(before.body.length + 7) } }
      : before,
  );
}

/** GitLab takes manifests only with configuration and layers of media types that it knows. */
export function acceptMediaTypes(known: readonly string[]): Fault {
  return (request, next) => {
    if (request.method !== "PUT" || !request.url.pathname.includes("/manifests/")) return next();
    const types = [...request.body.toString().matchAll(/"mediaType":"([^"]+)"/g)].map(([, type]) => type ?? "");
    return types.every((type) => known.includes(type)) ? next() : errorReply(400, "MANIFEST_INVALID");
  };
}

/** Docker Hub: each GET of a manifest counts, HEAD is free, and every answer says how many are left. @param limit Reads of manifests. */
export function countManifestReads(limit: number): Fault {
  let left = limit;
  return (request, next) => {
    const isRefused = manifestReads(request) && left === 0;
    if (manifestReads(request) && left > 0) left -= 1;
    const before = isRefused ? errorReply(429, "TOOMANYREQUESTS") : next();
    const counted = { "ratelimit-limit": `${limit};w=21600`, "ratelimit-remaining": `${left};w=21600` };
    return { ...before, headers: { ...before.headers, ...counted } };
  };
}

/** Some answer a listing of a repository without tags with null. */
export function nullTags(): Fault {
  return (request, next) => (tagLists(request) ? jsonReply(200, { name: "t/tool", tags: null }) : next());
}
