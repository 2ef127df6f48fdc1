/**
 * Blobs on their way into a repository: a POST for an upload, then one PUT of the whole. Chunks would meet caps such as GHCR's 4 MiB.
 *
 * An upload that failed is never gone on with: some registries keep what came and refuse a second first byte (distribution 3 answers
 * 416), others have forgotten it. The next try begins one of its own.
 *
 * @see OCI distribution-spec v1.1.1, "Pushing blobs"
 */
import { OrasClientError } from "../errors.ts";
import { redirectTarget } from "../http/redirect.ts";
import type { HttpResponse } from "../http/response.ts";
import { defaultRetry, isRetryableStatus, noRetry } from "../http/retry.ts";
import type { BlobIdentity, BlobStream } from "../model/source.ts";
import type { RegistryApi } from "./api.ts";

/** Answers of registries when an upload differs from their own record of it. */
const lostUploadStatuses: ReadonlySet<number> = new Set([400, 404, 409, 416]);
/** Also what they answer to a request that will never do, so that it is not sent often. */
const maxLostUploads = 3;

/** @throws {RegistryUnavailableError} `REDIRECT_REFUSED` for an address that no bytes may go to */
function uploadUrl(response: HttpResponse): URL {
  return redirectTarget(response.header("location"), response.url, "sends an upload");
}

/** @param open Called once per try; each call starts from the first byte. @param isThere Whether the blob came to stand after all. */
export async function uploadBlob(
  blob: BlobIdentity,
  open: () => BlobStream,
  what: string,
  isThere: () => Promise<boolean>,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<void> {
  for (let uploads = 1; ; uploads += 1) {
    const url = await beginUpload(what, api, signal);
    url.searchParams.set("digest", blob.digest);
    const ended = await sendBlob(url, blob, open, api, signal);
    if (ended instanceof OrasClientError) {
      if (uploads >= defaultRetry.maxTries) throw ended;
      await api.pause(uploads - 1, undefined, signal);
    } else {
      if (ended.status === 201 || ended.status === 204) return await ended.discard();
      if (uploads >= maxUploads(ended.status)) throw await api.error(ended, what);
      await ended.discard();
      await api.pause(uploads - 1, ended, signal);
    }
    // The blob may be whole, and the answer alone was lost.
    if (await isThere()) return;
  }
}

function maxUploads(status: number): number {
  if (lostUploadStatuses.has(status)) return maxLostUploads;
  return isRetryableStatus(status, true) ? defaultRetry.maxTries : 1;
}

async function beginUpload(what: string, api: RegistryApi, signal: AbortSignal): Promise<URL> {
  const body = { sizeBytes: 0, open: async function* (): AsyncGenerator<Uint8Array> {} };
  const url = api.url("blobs/uploads/");
  const started = await api.call({ method: "POST", url, body, isRepeatable: true, signal }, "push");
  if (started.status !== 202) throw await api.error(started, what);
  await started.discard();
  return uploadUrl(started);
}

/** @returns The answer, or the error of a connection that did not hold. */
async function sendBlob(
  url: URL,
  blob: BlobIdentity,
  open: () => BlobStream,
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

/**
 * Takes a blob over from another repository of the registry.
 *
 * @returns False: it has to be sent.
 * @see OCI distribution-spec v1.1.1, "Mounting a blob from another repository"
 */
export async function mountBlob(
  blob: BlobIdentity,
  repository: string,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<boolean> {
  api.allowMountFrom(repository);
  const url = api.url("blobs/uploads/");
  url.searchParams.set("mount", blob.digest);
  url.searchParams.set("from", repository);
  const response = await api.call({ method: "POST", url, isRepeatable: true, signal }, "push");
  await response.discard();
  if (response.status === 201) return true;
  // It began an upload in place of it, which nobody will end. Elsewhere nothing is deleted because a registry says so.
  if (response.status === 202 && response.header("location") !== undefined) {
    const left = uploadUrl(response);
    if (api.isOwn(left)) await (await api.call({ method: "DELETE", url: left, signal }, "push")).discard();
  }
  return false;
}
