/** Manifests, tags, and who refers to whom. */
import { errorReply, jsonReply, type RegistryRequest, type Reply, reply } from "./exchange.ts";
import { digestWith, isStorageDigest, type Storage, type StoredManifest } from "./storage.ts";

const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const indexType = "application/vnd.oci.image.index.v1+json";
const maxManifestBytes = 4 * 1024 * 1024;

interface ParsedManifest {
  readonly subject?: { readonly digest?: string };
  readonly artifactType?: string;
  readonly config?: { readonly mediaType?: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

function parse(bytes: Buffer): ParsedManifest | undefined {
  try {
    const json: unknown = JSON.parse(bytes.toString());
    return typeof json === "object" && json !== null && !Array.isArray(json) ? json : undefined;
  } catch {
    return undefined;
  }
}

function findManifest(
  repository: string,
  version: string,
  storage: Storage,
): { readonly digest: string; readonly manifest: StoredManifest } | undefined {
  const found = storage.find(repository);
  const digest = isStorageDigest(version) ? version : found?.tags.get(version);
  const manifest = digest === undefined ? undefined : found?.manifests.get(digest);
  return digest === undefined || manifest === undefined ? undefined : { digest, manifest };
}

export function manifestReply(repository: string, version: string, storage: Storage): Reply {
  const found = findManifest(repository, version, storage);
  if (found === undefined) return errorReply(404, "MANIFEST_UNKNOWN");
  const { digest, manifest } = found;
  return reply(200, { "content-type": manifest.mediaType, "docker-content-digest": digest }, manifest.bytes);
}

export function putManifest(request: RegistryRequest, repository: string, version: string, storage: Storage): Reply {
  const { body, headers } = request;
  if (body.length > maxManifestBytes) return errorReply(413, "SIZE_INVALID");
  const parsed = parse(body);
  if (parsed === undefined) return errorReply(400, "MANIFEST_INVALID");
  const isDigest = version.includes(":");
  if (isDigest ? !isStorageDigest(version) : !tagPattern.test(version)) return errorReply(400, "DIGEST_INVALID");
  const digest = digestWith(isDigest ? (version.split(":", 1)[0] ?? "") : "sha256", body);
  if (isDigest && digest !== version) return errorReply(400, "DIGEST_INVALID");
  const { manifests, tags } = storage.open(repository);
  manifests.set(digest, { mediaType: headers["content-type"] ?? "application/octet-stream", bytes: body });
  if (!isDigest) tags.set(version, digest);
  const subject = parsed.subject?.digest;
  const location = { location: `/v2/${repository}/manifests/${digest}`, "docker-content-digest": digest };
  return reply(201, subject === undefined ? location : { ...location, "oci-subject": subject });
}

export function deleteManifest(repository: string, version: string, storage: Storage): Reply {
  const found = storage.find(repository);
  if (!isStorageDigest(version)) return found?.tags.delete(version) ? reply(202) : errorReply(404, "MANIFEST_UNKNOWN");
  if (!found?.manifests.delete(version)) return errorReply(404, "MANIFEST_UNKNOWN");
  for (const [tag, digest] of found.tags) if (digest === version) found.tags.delete(tag);
  return reply(202);
}

export function tagsReply(request: RegistryRequest, repository: string, storage: Storage): Reply {
  const found = storage.find(repository);
  if (found === undefined) return errorReply(404, "NAME_UNKNOWN");
  const { searchParams } = request.url;
  const last = searchParams.get("last") ?? "";
  const limit = Number(searchParams.get("n") ?? Number.POSITIVE_INFINITY);
  const rest = [...found.tags.keys()].sort().filter((tag) => tag > last);
  const tags = rest.slice(0, limit);
  const next = `/v2/${repository}/tags/list?n=${limit}&last=${encodeURIComponent(tags.at(-1) ?? "")}`;
  return jsonReply(
    200,
    { name: repository, tags },
    rest.length > tags.length && limit > 0 ? { link: `<${next}>; rel="next"` } : {},
  );
}

export function referrersReply(request: RegistryRequest, repository: string, digest: string, storage: Storage): Reply {
  if (!isStorageDigest(digest)) return errorReply(400, "DIGEST_INVALID");
  const wanted = request.url.searchParams.get("artifactType");
  const manifests = [];
  for (const [own, { mediaType, bytes }] of storage.find(repository)?.manifests ?? []) {
    const parsed = parse(bytes);
    const artifactType = parsed?.artifactType ?? (mediaType === indexType ? undefined : parsed?.config?.mediaType);
    if (parsed?.subject?.digest !== digest || (wanted !== null && artifactType !== wanted)) continue;
    manifests.push({ mediaType, digest: own, size: bytes.length, artifactType, annotations: parsed.annotations });
  }
  const filtered: Record<string, string> = wanted === null ? {} : { "oci-filters-applied": "artifactType" };
  const index = { schemaVersion: 2, mediaType: indexType, manifests };
  return { ...jsonReply(200, index, filtered), headers: { "content-type": indexType, ...filtered } };
}
