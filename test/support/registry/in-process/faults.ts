/** What real registries, and the networks before them, do to a reply. Each fault is an option of its own, and they compose. */
import { gzipSync } from "node:zlib";
import { errorReply, jsonReply, type Manner, type RegistryRequest, type Reply, reply } from "./exchange.ts";

export interface FaultSurroundings {
  /** Of the registry itself. */
  readonly host: string;
}

/** Stands before the registry: answers in its place, or alters what it answers. */
export interface Fault {
  /** @param next The registry; not called, it does nothing. */
  (request: RegistryRequest, next: () => Reply, surroundings: FaultSurroundings): Reply;
  /** After how many bytes of its body a request is cut off, before anything is answered; undefined lets it through. */
  readonly cutsRequestAfter?: (request: Omit<RegistryRequest, "body">) => number | undefined;
}

/** The registry does its work, and what it answers is altered. */
function altering(alter: (request: RegistryRequest, before: Reply) => Reply): Fault {
  return (request, next) => alter(request, next());
}

export type Selector = (request: RegistryRequest) => boolean;

export const blobReads: Selector = ({ method, url }) => method === "GET" && /\/blobs\/sha/.test(url.pathname);
export const manifestReads: Selector = ({ method, url }) => method === "GET" && url.pathname.includes("/manifests/");
export const uploadStarts: Selector = ({ method, url }) =>
  method === "POST" && url.pathname.endsWith("/blobs/uploads/");
export const uploadPuts: Selector = ({ method, url }) => method === "PUT" && url.pathname.includes("/blobs/uploads/");
export const manifestPuts: Selector = ({ method, url }) => method === "PUT" && url.pathname.includes("/manifests/");
export const everything: Selector = () => true;

/** Only the first `times` requests that are selected meet the fault. */
function limited(selector: Selector, times: number, fault: Fault): Fault {
  let left = times;
  return (request, next, surroundings) => {
    if (left <= 0 || !selector(request)) return next();
    left -= 1;
    return fault(request, next, surroundings);
  };
}

function withManner(manner: Manner): Fault {
  return altering((_request, before) => ({ ...before, manner: { ...before.manner, ...manner } }));
}

/** The connection breaks in the middle of a body. */
export function cutBody(afterBytes: number, times: number, selector: Selector = blobReads): Fault {
  return limited(selector, times, withManner({ cutAfterBytes: afterBytes }));
}

/** The connection breaks before anything is answered. */
export function cutBeforeHead(times: number, selector: Selector = everything): Fault {
  return limited(selector, times, withManner({ cutAfterBytes: -1 }));
}

/** A proxy states no length and ends early, as if that were all. */
export function endEarly(afterBytes: number, times: number): Fault {
  return limited(
    blobReads,
    times,
    altering((_request, before) => ({
      ...before,
      body: before.body.subarray(0, afterBytes),
      manner: { isUnsized: true },
    })),
  );
}

/** The connection breaks in the middle of a PUT. What came is kept, so that a second first byte is refused, as distribution 3 does. */
export function cutUpload(afterBytes: number, times: number): Fault {
  const begun = new Set<string>();
  const refusal: Fault = ({ url }, next) => (begun.has(url.pathname) ? errorReply(416, "BLOB_UPLOAD_INVALID") : next());
  const cutsRequestAfter: Fault["cutsRequestAfter"] = ({ method, url: { pathname }, headers }) => {
    const isUpload = method === "PUT" && pathname.includes("/blobs/uploads/");
    if (!isUpload || Number(headers["content-length"]) <= afterBytes || begun.size >= times) return undefined;
    begun.add(pathname);
    return afterBytes;
  };
  return Object.assign(refusal, { cutsRequestAfter });
}

/** Nothing more comes, and the connection stays. */
export function stallBody(afterBytes: number, times: number, selector: Selector = blobReads): Fault {
  return limited(selector, times, withManner({ stallAfterBytes: afterBytes }));
}

export function slowHead(delayMs: number, times: number, selector: Selector = everything): Fault {
  return limited(selector, times, withManner({ delayMs }));
}

/** @param retryAfter As the header has it: seconds, or a date. */
export function answerStatus(
  status: number,
  times: number,
  retryAfter?: string,
  selector: Selector = blobReads,
): Fault {
  const headers: Record<string, string> = retryAfter === undefined ? {} : { "retry-after": retryAfter };
  return limited(selector, times, () => reply(status, headers));
}

/** A cold pull-through cache of distribution: 200 and the whole, whatever range was asked for. */
export function ignoreRange(whole: Buffer): Fault {
  return altering((request, before) =>
    blobReads(request) && before.status === 206 ? { ...before, status: 200, body: whole } : before,
  );
}

export function refuseRange(status: 400 | 416): Fault {
  return (request, next) => (blobReads(request) && request.headers.range !== undefined ? reply(status) : next());
}

/** A 206 with bytes that were not asked for. */
export function shiftRange(): Fault {
  return altering((request, before) =>
    blobReads(request) && before.status === 206
      ? { ...before, headers: { ...before.headers, "content-range": "bytes 0-9/10" } }
      : before,
  );
}

/** A login page, or a proxy's, with status 200. */
export function webPage(selector: Selector = everything): Fault {
  return (request, next) =>
    selector(request) ? reply(200, { "content-type": "text/html" }, "<html>please log in</html>") : next();
}

/** ECR and others leave `Docker-Content-Digest` out. */
export function noDigestHeader(): Fault {
  return altering((_request, before) => {
    const { "docker-content-digest": _, ...headers } = before.headers;
    return { ...before, headers };
  });
}

/** A body that is not what its digest says, with the header of the right one. */
export function changeBody(selector: Selector = blobReads): Fault {
  return altering((request, before) =>
    selector(request) ? { ...before, body: Buffer.from(before.body.map((byte) => byte ^ 1)) } : before,
  );
}

/** Blobs are elsewhere, at a signed address. @param target Origin, or empty for a relative redirect. */
export function redirectBlobs(target: string, status = 307): Fault {
  return (request, next) =>
    blobReads(request) && !request.url.searchParams.has("signature")
      ? reply(status, { location: `${target}${request.url.pathname}?signature=secret` })
      : next();
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

/** `Link` of a list of tags. */
export function linkTags(link: (page: URL) => string): Fault {
  return altering((request, before) =>
    request.url.pathname.endsWith("/tags/list")
      ? { ...before, headers: { ...before.headers, link: `<${link(request.url)}>; rel="next"` } }
      : before,
  );
}

/** Some storage refuses a signed request that carries a login as well. */
export function refuseAuthorization(): Fault {
  return (request, next) => (request.headers.authorization === undefined ? next() : reply(400));
}

export interface TokenAuthOptions {
  /** Address of the token service. */
  readonly realm: string;
  /** The tokens that are good; ECR answers 403 for one that was. */
  readonly isGood: (token: string) => boolean;
  readonly staleStatus?: 401 | 403;
}

/** Asks for a Bearer token. */
export function demandToken({ realm, isGood, staleStatus = 401 }: TokenAuthOptions): Fault {
  return (request, next) => {
    const token = /^Bearer (.+)$/.exec(request.headers.authorization ?? "")?.[1];
    if (token !== undefined && isGood(token)) return next();
    const repository = /^\/v2\/(.+?)\/(?:blobs|manifests|tags|referrers)\//.exec(request.url.pathname)?.[1] ?? "";
    const action = request.method === "GET" || request.method === "HEAD" ? "pull" : "pull,push";
    const challenge = `Bearer realm="${realm}",service="in-process",scope="repository:${repository}:${action}"`;
    return {
      ...errorReply(token === undefined ? 401 : staleStatus, "UNAUTHORIZED"),
      headers: { "www-authenticate": challenge },
    };
  };
}

/** Asks for a login. */
export function demandBasic(user: string, password: string): Fault {
  const wanted = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
  return (request, next) =>
    request.headers.authorization === wanted
      ? next()
      : { ...errorReply(401, "UNAUTHORIZED"), headers: { "www-authenticate": 'Basic realm="in-process"' } };
}

/** Uploads go to another host. */
export function uploadElsewhere(origin: string): Fault {
  return altering((_request, before) =>
    before.headers.location?.startsWith("/v2/") && before.status === 202
      ? { ...before, headers: { ...before.headers, location: `${origin}${before.headers.location}` } }
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

/** Docker Hub says how much is left. */
export function rateLimitHeaders(): Fault {
  const headers = { "ratelimit-limit": "100;w=21600", "ratelimit-remaining": "1;w=21600" };
  return altering((_request, before) => ({ ...before, headers: { ...before.headers, ...headers } }));
}

/** Some answer a listing of a repository without tags with null. */
export function nullTags(): Fault {
  return (request, next) =>
    request.url.pathname.endsWith("/tags/list") ? jsonReply(200, { name: "t/tool", tags: null }) : next();
}
