/**
 * Upload of blobs: one POST to start, then one PUT of the whole blob. Chunked uploads would hit limits such as GHCR's
 * 4 MiB per chunk.
 *
 * A failed upload is never resumed: some registries keep the received bytes and refuse to start over (distribution 3
 * answers 416), others drop the upload. Each retry starts a new upload.
 *
 * @see OCI distribution-spec v1.1.1, "Pushing blobs"
 */
import { OrasClientError, RegistryUnavailableError } from "../errors.ts";
import { uploadTarget } from "../http/redirect.ts";
import type { HttpResponse } from "../http/response.ts";
import { defaultRetry, isRetryableStatus, noRetry } from "../http/retry.ts";
import type { BlobIdentity, BlobStream } from "../model/source.ts";
import type { RegistryApi } from "./api.ts";

/** Statuses for an upload that contradicts the registry's record. */
const lostUploadStatuses: ReadonlySet<number> = new Set([400, 404, 409, 416]);
/** Few tries, since the same statuses answer requests that never succeed. */
const maxLostUploads = 3;

/** Statuses by which a registry may refuse the content itself. */
const refusedContentStatuses: ReadonlySet<number> = new Set([400, 405, 411, 413, 415, 416, 422]);

export interface BlobUpload {
  readonly blob: BlobIdentity;
  /** Called once per try; each call starts from the first byte. */
  readonly open: () => BlobStream;
  /** Names the upload in messages. */
  readonly name: string;
  /** Asks the registry whether the blob is stored. */
  readonly isStored: () => Promise<boolean>;
}

/** @throws {RegistryUnavailableError} `REDIRECT_REFUSED` for a forbidden address */
function uploadUrl(response: HttpResponse): URL {
  return uploadTarget(response.header("location"), response.url);
}

export async function uploadBlob(upload: BlobUpload, api: RegistryApi, signal: AbortSignal): Promise<void> {
  const { blob, name, isStored } = upload;
  for (let uploads = 1; ; uploads += 1) {
    const url = await beginUpload(name, api, signal);
    url.searchParams.set("digest", blob.digest);
    const ended = await sendBlob(url, upload, api, signal);
    if (ended instanceof OrasClientError) {
      if (uploads >= defaultRetry.maxTries) throw ended;
      await api.pause(uploads - 1, undefined, signal);
    } else {
      if (ended.status === 201 || ended.status === 204) return await ended.discard();
      if (blob.size === 0 && refusedContentStatuses.has(ended.status)) throw await emptyRefused(ended, name, api);
      if (uploads >= maxUploads(ended.status)) throw await api.error(ended, name);
      await ended.discard();
      await api.pause(uploads - 1, ended, signal);
    }
    // The upload may have succeeded, with only its response lost.
    if (await isStored()) return;
  }
}

/** The error for an empty blob, which ECR and Google Artifact Registry never take. */
async function emptyRefused(response: HttpResponse, name: string, api: RegistryApi): Promise<OrasClientError> {
  const { status, url } = response;
  const message = `${url.host} answered ${status} for ${name}, an empty file`;
  return new RegistryUnavailableError("REGISTRY_REFUSED", message, {
    cause: await api.error(response, name),
    hint: "leave the empty file out, or push an archive that holds it: some registries take no empty file (ECR, Google Artifact Registry)",
  });
}

function maxUploads(status: number): number {
  if (lostUploadStatuses.has(status)) return maxLostUploads;
  return isRetryableStatus(status, true) ? defaultRetry.maxTries : 1;
}

async function beginUpload(name: string, api: RegistryApi, signal: AbortSignal): Promise<URL> {
  const body = { sizeBytes: 0, open: async function* (): AsyncGenerator<Uint8Array> {} };
  const url = api.url("blobs/uploads/");
  const started = await api.call({ method: "POST", url, body, isRepeatable: true, signal }, "push");
  if (started.status !== 202) throw await api.error(started, name);
  await started.discard();
  return uploadUrl(started);
}

/** @returns The response, or the error of a failed connection. */
async function sendBlob(
  url: URL,
  { blob, open }: BlobUpload,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<HttpResponse | OrasClientError> {
  const headers = { "content-type": "application/octet-stream" };
  const body = { sizeBytes: blob.size, open };
  try {
    return await api.call({ method: "PUT", url, headers, body, retries: noRetry, signal }, "push");
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof OrasClientError && error.code === "REGISTRY_UNAVAILABLE") return error;
    throw error;
  }
}

/** Codes of a failed mount after which an upload may succeed: it needs no right to the source. */
const failedMountCodes: ReadonlySet<string> = new Set([
  "REGISTRY_UNAUTHORIZED",
  "REGISTRY_FORBIDDEN",
  "REGISTRY_UNAVAILABLE",
]);

/**
 * Mounts a blob from another repository of the registry. A refusal ends the mounts from this repository.
 *
 * @returns False if the blob must be uploaded.
 * @see OCI distribution-spec v1.1.1, "Mounting a blob from another repository"
 */
export async function mountBlob(
  blob: BlobIdentity,
  repository: string,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<boolean> {
  if (!api.allowMountFrom(repository)) return false;
  try {
    return await tryMount(blob, repository, api, signal);
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof OrasClientError) || !failedMountCodes.has(error.code)) throw error;
    api.disallowMountFrom(repository);
    return false;
  }
}

async function tryMount(
  blob: BlobIdentity,
  repository: string,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<boolean> {
  const url = api.url("blobs/uploads/");
  url.searchParams.set("mount", blob.digest);
  url.searchParams.set("from", repository);
  const response = await api.call({ method: "POST", url, isRepeatable: true, signal }, "mount");
  await response.discard();
  if (response.status === 201) return true;
  if (response.status === 401 || response.status === 403) api.disallowMountFrom(repository);
  // Cancels the upload that the registry started instead. A URL at another origin is never deleted.
  if (response.status === 202 && response.header("location") !== undefined) {
    const left = uploadUrl(response);
    if (api.isOwn(left)) await (await api.call({ method: "DELETE", url: left, signal }, "push")).discard();
  }
  return false;
}
