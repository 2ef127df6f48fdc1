/**
 * Referrers of a manifest: by the referrers API, and by the tag that stands in for it where a registry has none.
 *
 * @see OCI distribution-spec v1.1.1, "Listing Referrers" and "Referrers Tag Schema"
 */
import { RegistryUnavailableError } from "../errors.ts";
import { type Digest, digestHex, digestOf } from "../model/digest.ts";
import { type Descriptor, type ImageIndex, maxManifestBytes, mediaTypes, parseManifest } from "../model/manifest.ts";
import type { RegistryApi } from "./api.ts";
import { nextPage } from "./link.ts";

/** Pages, of a few referrers each. */
const maxPages = 100;
/** Referrers on all pages; a manifest has a handful. */
const maxReferrers = 10_000;
const maxTries = 5;

function fallbackTag(digest: Digest): string {
  return `sha256-${digestHex(digest)}`;
}

function isIndex(contentType: string | undefined): boolean {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === mediaTypes.ociIndex;
}

function manifestsOf(bytes: Uint8Array, origin: string): readonly Descriptor[] {
  const parsed = parseManifest(bytes, mediaTypes.ociIndex, origin);
  return parsed.kind === "index" ? parsed.manifests : [];
}

function tooMany(name: string, limit: string): RegistryUnavailableError {
  return new RegistryUnavailableError("PAGINATION_REFUSED", `the referrers of ${name} are more than ${limit}`);
}

/** @returns undefined where the registry has no such API. */
async function fromApi(
  digest: Digest,
  name: string,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  let page: URL | undefined = api.url(`referrers/${digest}`);
  for (let pages = 0; page !== undefined; pages += 1) {
    if (pages >= maxPages) throw tooMany(name, `${maxPages} pages`);
    const response = await api.call({ method: "GET", url: page, bufferBytes: maxManifestBytes, signal }, "pull");
    if (response.status !== 200 && response.status !== 404) throw await api.error(response, `the referrers of ${name}`);
    if (response.status === 404 || !isIndex(response.header("content-type"))) {
      await response.discard();
      return undefined;
    }
    const listed = manifestsOf(await response.bytes(maxManifestBytes), `the referrers of ${name}`);
    if (found.length + listed.length > maxReferrers) throw tooMany(name, `${maxReferrers}`);
    for (const referrer of listed) found.push(referrer);
    page = nextPage(response.header("link"), page);
  }
  return found;
}

async function fromTag(
  digest: Digest,
  name: string,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const url = api.url(`manifests/${fallbackTag(digest)}`);
  const headers = { accept: mediaTypes.ociIndex };
  const response = await api.call({ method: "GET", url, headers, bufferBytes: maxManifestBytes, signal }, "pull");
  if (response.status === 404) {
    await response.discard();
    return [];
  }
  if (response.status !== 200) throw await api.error(response, `the referrers of ${name}`);
  return manifestsOf(await response.bytes(maxManifestBytes), `the referrers of ${name}`);
}

export async function readReferrers(
  digest: Digest,
  name: string,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  return (await fromApi(digest, name, api, signal)) ?? (await fromTag(digest, name, api, signal));
}

/**
 * Writes a referrer into the tag that stands in for the API; for a registry that did not say that it noted the subject.
 *
 * Read, change, write: it is read again afterwards, and done once more when somebody else was first.
 */
export async function noteReferrer(
  subject: Digest,
  bytes: Uint8Array,
  manifest: { readonly mediaType: string; readonly artifactType: string | undefined; readonly annotations: object },
  name: string,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<void> {
  const { mediaType, artifactType, annotations } = manifest;
  const own = { mediaType, digest: digestOf(bytes), size: bytes.byteLength, artifactType, annotations };
  for (let tries = 0; tries < maxTries; tries += 1) {
    const others: ImageIndex["manifests"] = await fromTag(subject, name, api, signal);
    if (others.some((other) => other.digest === own.digest)) return;
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...others, own] };
    const body = new TextEncoder().encode(JSON.stringify(index));
    const open = async function* (): AsyncGenerator<Uint8Array> {
      yield body;
    };
    const url = api.url(`manifests/${fallbackTag(subject)}`);
    const headers = { "content-type": mediaTypes.ociIndex };
    const sent = { sizeBytes: body.byteLength, open };
    const response = await api.call({ method: "PUT", url, headers, body: sent, signal }, "push");
    if (response.status !== 201) throw await api.error(response, `the referrers of ${name}`);
    await response.discard();
  }
  throw new RegistryUnavailableError(
    "REGISTRY_UNAVAILABLE",
    `the referrers of ${name} are changed by others all the time`,
    {
      hint: "run it again",
    },
  );
}
