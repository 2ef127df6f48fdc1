/**
 * A repository of a registry over the distribution spec, as `Source` and `Target`.
 *
 * @see OCI distribution-spec v1.1.1
 */
import type { Context } from "../context.ts";
import { ContentVerificationError, RegistryUnavailableError } from "../errors.ts";
import type { HttpResponse } from "../http/response.ts";
import { isRetryableStatus } from "../http/retry.ts";
import { type Digest, digestOf, isDigest } from "../model/digest.ts";
import { formatLocation, type RegistryLocation } from "../model/location.ts";
import {
  acceptedManifestTypes,
  type Descriptor,
  maxManifestBytes,
  mediaTypeOf,
  parseManifest,
} from "../model/manifest.ts";
import {
  type BlobIdentity,
  type BlobStream,
  type ByteRange,
  type FetchedManifest,
  type ManifestTime,
  type OpenedBlob,
  restOf,
  type Source,
  type Target,
} from "../model/source.ts";
import { type ApiDeps, type Call, RegistryApi } from "./api.ts";
import { bytesBody } from "./body.ts";
import { parseContentRange } from "./content-range.ts";
import { readManifestTime } from "./manifest-time.ts";
import { PushedReferrers, readReferrers, referrerOf } from "./referrers.ts";
import { readTags } from "./tags.ts";
import { mountBlob, uploadBlob } from "./upload.ts";

export interface RegistryDeps extends ApiDeps {
  readonly mirrors: readonly Source[];
}

/** Statuses after which the whole blob is requested; 206 if it states another range. Signed URLs may answer 403. */
const refusedRangeStatuses: ReadonlySet<number> = new Set([206, 400, 403, 405, 412, 416, 501]);

/** Statuses of registries without deletion, or without deletion of single tags. */
const refusedDeletionStatuses: ReadonlySet<number> = new Set([400, 405, 501]);

/** An open range up to the blob's end, else a closed range. */
function rangeHeader({ first, end }: ByteRange, size: number): string {
  return `bytes=${first}-${end === size ? "" : end - 1}`;
}

/** Content types that say nothing of a manifest: file servers and some proxies send them for every file. */
const genericTypes: ReadonlySet<string> = new Set([
  "",
  "application/json",
  "application/octet-stream",
  "binary/octet-stream",
  "text/plain",
]);

function contentTypeOf(response: HttpResponse): string {
  return (response.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function isWebPage(response: HttpResponse): boolean {
  return contentTypeOf(response) === "text/html";
}

class Registry implements Target {
  readonly name: string;
  readonly mirrors: readonly Source[];
  readonly #location: RegistryLocation;
  readonly #api: RegistryApi;
  readonly #context: Context;
  readonly #referrers: PushedReferrers;

  constructor(location: RegistryLocation, deps: RegistryDeps) {
    this.name = formatLocation(location);
    this.mirrors = deps.mirrors;
    this.#location = location;
    this.#context = deps.context;
    this.#api = new RegistryApi(location, deps);
    this.#referrers = new PushedReferrers(this.#api, deps.context);
  }

  async fetchManifest(version: Digest | string, signal: AbortSignal): Promise<FetchedManifest> {
    const what = `${this.name}${isDigest(version) ? "@" : ":"}${version}`;
    const response = await this.#api.call(
      { ...this.#manifestRequest(version, signal), method: "GET", bufferBytes: maxManifestBytes },
      "pull",
    );
    if (response.status !== 200) throw await this.#api.error(response, what);
    const sentType = contentTypeOf(response);
    if (isWebPage(response)) throw await this.#webPage(response, `the manifest of ${what}`);
    const bytes = await this.#bytes(response, maxManifestBytes, what);
    const mediaType = genericTypes.has(sentType) ? (mediaTypeOf(bytes) ?? sentType) : sentType;
    const digest = digestOf(bytes);
    // Only the body counts, never `Docker-Content-Digest`.
    if (isDigest(version) && digest !== version) {
      throw new ContentVerificationError("MANIFEST_DIGEST_MISMATCH", `the manifest of ${what} is ${digest}`, {
        hint: "do not use the registry's answer: the registry, or an attacker, sent other bytes than requested",
      });
    }
    return { digest, mediaType, bytes };
  }

  /**
   * Uses HEAD, which Docker Hub does not count as a pull. A GET follows for a missing digest (ECR) or an error's
   * reason.
   */
  async resolve(version: Digest | string, signal: AbortSignal): Promise<Digest> {
    const response = await this.#headManifest(version, "pull", signal);
    const digest = response.header("docker-content-digest") ?? "";
    if (response.status === 200 && isDigest(digest)) return digest;
    // The HEAD was already retried.
    if (isRetryableStatus(response.status, true))
      throw await this.#api.error(response, `${this.name}${isDigest(version) ? "@" : ":"}${version}`);
    return (await this.fetchManifest(version, signal)).digest;
  }

  async openBlob(blob: BlobIdentity, range: ByteRange, signal: AbortSignal): Promise<OpenedBlob> {
    const { first, end } = range;
    const isPart = first > 0 || end < blob.size;
    // Artifactory mishandles a needless range.
    const headers: Record<string, string> = isPart ? { range: rangeHeader(range, blob.size) } : {};
    const response = await this.#api.call(
      { method: "GET", url: this.#api.url(`blobs/${blob.digest}`), headers, signal },
      "pull",
    );
    const what = `${this.name}@${blob.digest}`;
    const opened = (sent: ByteRange): OpenedBlob => ({
      range: sent,
      bytes: response.stream(),
      discard: () => response.discard(),
    });
    if (response.status === 200) {
      // A blob may itself be a web page: the right length leaves the decision to the digest.
      const isOther = Number(response.header("content-length") ?? Number.NaN) !== blob.size;
      if (isWebPage(response) && isOther) throw await this.#webPage(response, `the blob ${what}`);
      return opened(restOf(blob, 0));
    }
    if (isPart && response.status === 206) {
      const sent = parseContentRange(response.header("content-range"));
      const isAsked = sent !== undefined && sent.first === first && sent.last === end - 1;
      if (isAsked && (sent.total ?? blob.size) === blob.size) return opened(range);
    }
    if (isPart && refusedRangeStatuses.has(response.status)) {
      await response.discard();
      // The whole blob is requested on reading: the caller of a part may not want the whole.
      return { range: restOf(blob, 0), bytes: this.#wholeBlob(blob, signal), discard: async () => {} };
    }
    throw await this.#api.error(response, what);
  }

  async *#wholeBlob(blob: BlobIdentity, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* (await this.openBlob(blob, restOf(blob, 0), signal)).bytes;
  }

  async listReferrers(digest: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return await readReferrers({ digest, name: `${this.name}@${digest}` }, this.#api, signal);
  }

  async listTags(signal: AbortSignal): Promise<readonly string[]> {
    return await readTags(this.name, this.#api, this.#context, signal);
  }

  async hasBlob(blob: BlobIdentity, signal: AbortSignal): Promise<boolean> {
    const url = this.#api.url(`blobs/${blob.digest}`);
    const head = await this.#api.call({ method: "HEAD", url, signal }, "push");
    return await this.#isThere(head, blob.digest, { url, headers: { range: "bytes=0-0" }, signal });
  }

  async hasManifest(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const head = await this.#headManifest(digest, "push", signal);
    return await this.#isThere(head, digest, this.#manifestRequest(digest, signal));
  }

  async manifestTime(digest: Digest, signal: AbortSignal): Promise<ManifestTime> {
    return await readManifestTime({ digest, name: this.name }, this.#api, signal);
  }

  async tagDigest(tag: string, signal: AbortSignal): Promise<Digest | undefined> {
    const head = await this.#headManifest(tag, "push", signal);
    const digest = head.header("docker-content-digest") ?? "";
    return head.status === 200 && isDigest(digest) ? digest : undefined;
  }

  /** Some servers refuse HEAD, or sign a redirect for GET alone: then GET decides, as for a pull. */
  async #isThere(head: HttpResponse, digest: Digest, get: Pick<Call, "url" | "headers" | "signal">): Promise<boolean> {
    await head.discard();
    const isUndecided = head.status !== 200 && head.status !== 404 && !isRetryableStatus(head.status, true);
    const response = isUndecided ? await this.#api.call({ ...get, method: "GET" }, "pull") : head;
    if (response.status === 404) return false;
    if (response.status !== 200 && response.status !== 206) {
      throw await this.#api.error(response, `${this.name}@${digest}`);
    }
    await response.discard();
    return true;
  }

  async mountBlob(blob: BlobIdentity, from: Source, signal: AbortSignal): Promise<boolean> {
    if (!(from instanceof Registry) || from.#location.registry !== this.#location.registry) return false;
    const { repository } = from.#location;
    if (repository === this.#location.repository) return false;
    return await mountBlob(blob, repository, this.#api, signal);
  }

  async pushBlob(blob: BlobIdentity, open: () => BlobStream, signal: AbortSignal): Promise<void> {
    const name = `the upload of ${blob.digest} to ${this.name}`;
    const upload = { blob, open, name, isStored: () => this.hasBlob(blob, signal) };
    await uploadBlob(upload, this.#api, signal);
  }

  async pushManifest(
    bytes: Uint8Array,
    mediaType: string,
    tag: string | undefined,
    signal: AbortSignal,
  ): Promise<Digest> {
    const digest = digestOf(bytes);
    const url = this.#api.url(`manifests/${tag ?? digest}`);
    const headers = { "content-type": mediaType };
    const response = await this.#api.call({ method: "PUT", url, headers, body: bytesBody(bytes), signal }, "push");
    if (response.status !== 201)
      throw await this.#api.error(response, `${this.name}${tag === undefined ? `@${digest}` : `:${tag}`}`);
    await response.discard();
    const parsed = parseManifest(bytes, mediaType, this.name);
    if (parsed.subject === undefined) return digest;
    const subject = { digest: parsed.subject.digest, name: this.name };
    const isSaid = response.header("oci-subject") !== undefined;
    await this.#referrers.note(subject, referrerOf(parsed, bytes, mediaType), isSaid, signal);
    return digest;
  }

  async deleteTag(tag: string, signal: AbortSignal): Promise<void> {
    await this.#delete(tag, `${this.name}:${tag}`, signal);
  }

  async deleteManifest(digest: Digest, signal: AbortSignal): Promise<void> {
    await this.#delete(digest, `${this.name}@${digest}`, signal);
  }

  async #headManifest(version: Digest | string, action: "pull" | "push", signal: AbortSignal): Promise<HttpResponse> {
    const response = await this.#api.call({ ...this.#manifestRequest(version, signal), method: "HEAD" }, action);
    await response.discard();
    return response;
  }

  /** A request for a manifest, but for its method. */
  #manifestRequest(version: Digest | string, signal: AbortSignal): Pick<Call, "url" | "headers" | "signal"> {
    const headers = { accept: acceptedManifestTypes.join(", ") };
    return { url: this.#api.url(`manifests/${version}`), headers, signal };
  }

  async #delete(version: string, what: string, signal: AbortSignal): Promise<void> {
    const url = this.#api.url(`manifests/${version}`);
    const response = await this.#api.call({ method: "DELETE", url, signal }, "delete");
    // 404: already deleted.
    if (response.status === 202 || response.status === 200 || response.status === 404) return await response.discard();
    if (!refusedDeletionStatuses.has(response.status)) throw await this.#api.error(response, what);
    throw new RegistryUnavailableError(
      "DELETION_REFUSED",
      `${url.host} does not delete ${what}: status ${response.status}`,
      {
        cause: await this.#api.error(response, what),
        hint: "enable deletion in the registry (distribution: storage.delete.enabled), or use the registry's own retention",
      },
    );
  }

  async #webPage(response: HttpResponse, what: string): Promise<Error> {
    await response.discard();
    return new ContentVerificationError(
      "RESPONSE_INVALID",
      `${response.url.host} answered with a web page instead of ${what}`,
      { hint: "check the host, and whether a proxy or a login page answers in the registry's place" },
    );
  }

  async #bytes(response: HttpResponse, maxBytes: number, what: string): Promise<Uint8Array> {
    const stated = Number(response.header("content-length") ?? 0);
    if (stated > maxBytes) {
      await response.discard();
      throw new ContentVerificationError(
        "MANIFEST_TOO_LARGE",
        `${what} has ${stated} bytes; at most ${maxBytes} are read`,
      );
    }
    return await response.bytes(maxBytes);
  }
}

/** Creates the repository's client without a request. */
export function createRegistry(location: RegistryLocation, deps: RegistryDeps): Target {
  return new Registry(location, deps);
}
