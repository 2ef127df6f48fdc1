/** Digest and size of a local file. */
import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { UsageError, unreadableFile } from "../errors.ts";
import { digestFromHex } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";

/**
 * Reads a file once, in pieces.
 *
 * @throws {ArtifactNotFoundError} `FILE_NOT_FOUND`
 * @throws {UsageError} for a folder, which has no digest
 */
export async function identifyFile(path: string): Promise<BlobIdentity> {
  try {
    if ((await stat(path)).isDirectory()) {
      throw new UsageError("USAGE_INVALID", `${path} is a folder, which has no digest`, { hint: "name a file" });
    }
    const hash = createHash("sha256");
    let size = 0;
    for await (const chunk of createReadStream(path, { highWaterMark: 1024 * 1024 })) {
      hash.update(chunk);
      size += chunk.byteLength;
    }
    return { digest: digestFromHex(hash.digest("hex")), size };
  } catch (cause) {
    throw unreadableFile(path, cause);
  }
}
