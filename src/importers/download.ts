/** Download of one file from a URL; the bytes are verified while they are written. */
import { rm } from "node:fs/promises";
import { ArtifactNotFoundError, ContentVerificationError, RegistryUnavailableError } from "../errors.ts";
import { writeHashed } from "../files/hashed-write.ts";
import type { HttpClient } from "../http/client.ts";
import type { DownloadRequest } from "./source.ts";

/** More than any tool has; the digest is known only at the end. */
const maxBytes = 4 * 1024 ** 3;

/** @throws {ContentVerificationError} `BLOB_DIGEST_MISMATCH`, `BLOB_SIZE_MISMATCH`; the file is removed */
export async function downloadVerified(
  http: HttpClient,
  { url, sha256, path }: DownloadRequest,
  signal: AbortSignal,
): Promise<void> {
  const what = `${url.host}${url.pathname}`;
  const response = await http.request({ method: "GET", url, headers: {}, signal });
  if (response.status !== 200) {
    await response.discard();
    if (response.status === 404) throw new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${what}`);
    throw new RegistryUnavailableError("REGISTRY_REFUSED", `${what} answers with status ${response.status}`);
  }
  const tooLong = (): Error => new ContentVerificationError("BLOB_SIZE_MISMATCH", `${what} is over ${maxBytes} bytes`);
  try {
    const { digest } = await writeHashed(path, response.stream(), { maxBytes, tooLong }, signal);
    if (digest === `sha256:${sha256}`) return;
    throw new ContentVerificationError("BLOB_DIGEST_MISMATCH", `${what} is ${digest}, not sha256:${sha256}`, {
      hint: "do not use the file before you know why: the file was replaced, or the checksum is of another file",
    });
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
}
