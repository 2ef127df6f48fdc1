/** Provenance of a file: a package URL with the file's checksum. */
import { createHash } from "node:crypto";
import { readChunks } from "../archive/chunks.ts";

/**
 * @param purl Package URL with qualifiers, or `file:NAME`.
 * @param path The unchanged file from the ecosystem's client.
 * @see github.com/package-url/purl-spec, "Known qualifiers": checksum
 */
export async function fileProvenance(purl: string, path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(path, signal)) hash.update(chunk);
  return `${purl}${purl.includes("?") ? "&" : "?"}checksum=sha256:${hash.digest("hex")}`;
}
