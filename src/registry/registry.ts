/**
 * A repository of a registry over the distribution spec, as `Source` and `Target`.
 *
 * @see OCI distribution-spec v1.1.1
 */
import type { Context } from "../context.ts";
import { ContentVerificationError, RegistryUnavailableError } from "../errors.ts";
import type { RequestBody } from "../http/client.ts";
import type { HttpResponse } from "../http/response.ts";
import { type Digest, digestOf, isDigest } from "../model/digest.ts";
import { acceptedManifestTypes, type Descriptor, maxManifestBytes, parseManifest } from "../model/manifest.ts";
import { formatLocation, type RegistryLocation } from "../model/reference.ts";
import {
  type BlobIdentity,
  type BlobStream,
  type ByteRange,
  type FetchedManifest,
  type OpenedBlob,
  restOf,
  type Source,
  type Target,
} from "../model/source.ts";
import { type ApiDeps, RegistryApi } from "./api.ts";
import { parseContentRange } from "./content-range.ts";
import { noteReferrer, readReferrers } from "./referrers.ts";
import { readTags } from "./tags.ts";
import { mountBlob, uploadBlob } from "./upload.ts";

export interface RegistryDeps extends ApiDeps {
  readonly mirrors: readonly Source[];
}

/** Statuses that offer a blob whole and not in this range; 206 does when it answers with another range. */
const refusedRangeStatuses: ReadonlySet<number> = new Set([206, 400, 416]);

/** Statuses of registries that delete nothing, or no tag alone. */
const refusedDeletionStatuses: ReadonlySet<number> = new Set([400, 405, 501]);

function bytesBody(bytes: Uint8Array): RequestBody {
  return {
    sizeBytes: bytes.byteLength,
    open: async function* () {
      yield bytes;
    },
  };
}

/** To the end without naming it, where it is the end. */
function rangeHeader({ first, end }: ByteRange, size: number): string {
  return `bytes=${first}-${end === size ? "" : end - 1}`;
}

function mediaTypeOf(response: HttpResponse): string {
  return (response.header("content-type") ?? "").split(";", 1)[0]?.trim().toLowerCase() ?? "";
}

function isWebPage(response: HttpResponse): boolean {
  return mediaTypeOf(response) === "text/html";
}

class Registry implements Target {
  readonly name: string;
  readonly mirrors: readonly Source[];
  readonly #location: RegistryLocation;
  readonly #api: RegistryApi;
  readonly #context: Context;

  constructor(location: RegistryLocation, deps: RegistryDeps) {
    this.name = formatLocation(location);
    this.mirrors = deps.mirrors;
    this.#location = location;
    this.#context = deps.context;
    this.#api = new RegistryApi(location, deps);
  }

  async fetchManifest(version: Digest | string, signal: AbortSignal): Promise<FetchedManifest> {
    const what = `${this.name}${isDigest(version) ? "@" : ":"}${version}`;
    const headers = { accept: acceptedManifestTypes.join(", ") };
    const response = await this.#api.call(
      { method: "GET", url: this.#api.url(`manifests/${version}`), headers, bufferBytes: maxManifestBytes, signal },
      "pull",
    );
    if (response.status !== 200) throw await this.#api.error(response, what);
    const mediaType = mediaTypeOf(response);
    if (isWebPage(response)) throw await this.#webPage(response, `the manifest of ${what}`);
    const bytes = await this.#bytes(response, maxManifestBytes, what);
    const digest = digestOf(bytes);
    // Whatever `Docker-Content-Digest` says: only the body is what we got.
    if (isDigest(version) && digest !== version) {
      throw new ContentVerificationError("MANIFEST_DIGEST_MISMATCH", `the manifest of ${what} is ${digest}`, {
        hint: "the registry, or somebody between, gave something else than was asked for: do not use it",
      });
    }
    return { digest, mediaType, bytes };
  }

  /** By HEAD, which Docker Hub does not count as a pull; what it leaves unsaid (ECR's digest, why it is refused) a GET tells. */
  async resolve(version: Digest | string, signal: AbortSignal): Promise<Digest> {
    const response = await this.#headManifest(version, "pull", signal);
    const digest = response.header("docker-content-digest") ?? "";
    if (response.status === 200 && isDigest(digest)) return digest;
    // It was asked several times already.
    if (response.status === 429 || response.status >= 500)
      throw await this.#api.error(response, `${this.name}${isDigest(version) ? "@" : ":"}${version}`);
    return (await this.fetchManifest(version, signal)).digest;
  }

  async openBlob(blob: BlobIdentity, range: ByteRange, signal: AbortSignal): Promise<OpenedBlob> {
    const { first, end } = range;
    const isPart = first > 0 || end < blob.size;
    // Unasked, Artifactory mishandles a range.
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
      // A blob may be a page: then its length is right, and its digest is what tells.
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
      // Asked for when it is read: whoever wanted a part may not want the whole.
      return { range: restOf(blob, 0), bytes: this.#wholeBlob(blob, signal), discard: async () => {} };
    }
    throw await this.#api.error(response, what);
  }

  async *#wholeBlob(blob: BlobIdentity, signal: AbortSignal): AsyncGenerator<Uint8Array> {
    yield* (await this.openBlob(blob, restOf(blob, 0), signal)).bytes;
  }

  async listReferrers(digest: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return await readReferrers(digest, `${this.name}@${digest}`, this.#api, signal);
  }

  async listTags(signal: AbortSignal): Promise<readonly string[]> {
    return await readTags(this.name, this.#api, this.#context, signal);
  }

  async hasBlob(blob: BlobIdentity, signal: AbortSignal): Promise<boolean> {
    const response = await this.#api.call(
      { method: "HEAD", url: this.#api.url(`blobs/${blob.digest}`), signal },
      "push",
    );
    await response.discard();
    if (response.status === 404) return false;
    if (response.status !== 200) throw await this.#api.error(response, `${this.name}@${blob.digest}`);
    return true;
  }

  async hasManifest(digest: Digest, signal: AbortSignal): Promise<boolean> {
    const response = await this.#headManifest(digest, "push", signal);
    if (response.status === 404) return false;
    if (response.status !== 200) throw await this.#api.error(response, `${this.name}@${digest}`);
    return true;
  }

  async mountBlob(blob: BlobIdentity, from: Source, signal: AbortSignal): Promise<boolean> {
    if (!(from instanceof Registry) || from.#location.registry !== this.#location.registry) return false;
    const { repository } = from.#location;
    if (repository === this.#location.repository) return false;
    return await mountBlob(blob, repository, this.#api, signal);
  }

  async pushBlob(blob: BlobIdentity, open: () => BlobStream, signal: AbortSignal): Promise<void> {
    const what = `the upload of ${blob.digest} to ${this.name}`;
    await uploadBlob(blob, open, what, () => this.hasBlob(blob, signal), this.#api, signal);
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
    if (parsed.subject !== undefined && response.header("oci-subject") === undefined) {
      const artifactType = parsed.kind === "manifest" ? (parsed.artifactType ?? parsed.config.mediaType) : undefined;
      const own = { mediaType, artifactType, annotations: parsed.annotations };
      await noteReferrer(parsed.subject.digest, bytes, own, this.name, this.#api, signal);
    }
    return digest;
  }

  async deleteTag(tag: string, signal: AbortSignal): Promise<void> {
    await this.#delete(tag, `${this.name}:${tag}`, signal);
  }

  async deleteManifest(digest: Digest, signal: AbortSignal): Promise<void> {
    await this.#delete(digest, `${this.name}@${digest}`, signal);
  }

  async #headManifest(version: Digest | string, action: "pull" | "push", signal: AbortSignal): Promise<HttpResponse> {
    const headers = { accept: acceptedManifestTypes.join(", ") };
    const url = this.#api.url(`manifests/${version}`);
    const response = await this.#api.call({ method: "HEAD", url, headers, signal }, action);
    await response.discard();
    return response;
  }

  async #delete(version: string, what: string, signal: AbortSignal): Promise<void> {
    const url = this.#api.url(`manifests/${version}`);
    const response = await this.#api.call({ method: "DELETE", url, signal }, "delete");
    // 404: somebody else was first.
    if (response.status === 202 || response.status === 200 || response.status === 404) return await response.discard();
    if (!refusedDeletionStatuses.has(response.status)) throw await this.#api.error(response, what);
    throw new RegistryUnavailableError(
      "DELETION_REFUSED",
      `${url.host} does not delete ${what}: status ${response.status}`,
      {
        cause: await this.#api.error(response, what),
        hint: "deletion may have to be switched on (distribution: storage.delete.enabled), or the registry has a retention of its own",
      },
    );
  }

  async #webPage(response: HttpResponse, what: string): Promise<Error> {
    await response.discard();
    return new ContentVerificationError(
      "RESPONSE_INVALID",
      `${response.url.host} answered with a web page instead of ${what}`,
      { hint: "a proxy or a login page stands before the registry, or the host is no registry" },
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

/** No request is made until a method is called. */
export function createRegistry(location: RegistryLocation, deps: RegistryDeps): Target {
  return new Registry(location, deps);
}
