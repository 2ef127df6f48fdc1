/** Digest and size of a local file. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { UsageError, unreadableFile } from "../errors.ts";
import { release } from "../files/released-bytes.ts";
import { digestFromHex } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";
import { readChunks } from "./chunks.ts";

/** Default signal, never aborted. */
const never = new AbortController().signal;

/**
 * Computes digest and size, reading the file once in pieces.
 *
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 * @throws {UsageError} a folder
 * @throws {LocalIoError} a pipe, a socket or a device, which could block
 */
export async function identifyFile(path: string, signal: AbortSignal = never): Promise<BlobIdentity> {
  try {
    if ((await stat(path)).isDirectory()) {
      throw new UsageError("USAGE_INVALID", `${path} is a folder, which has no digest`, { hint: "name a file" });
    }
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of readChunks(path, signal)) {
      hash.update(chunk);
      size += chunk.byteLength;
      release(chunk);
    }
    return { digest: digestFromHex(hash.digest("hex")), size };
  } catch (cause) {
    signal.throwIfAborted();
    throw unreadableFile(path, cause);
  }
}
