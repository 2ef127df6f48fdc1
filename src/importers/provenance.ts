/** Where bytes came from, as a package URL with their sum. */
import { createHash } from "node:crypto";
import { readChunks } from "../archive/chunks.ts";

/**
 * @param purl With its qualifiers.
 * @param path The file as the ecosystem gave it.
 * @see github.com/package-url/purl-spec, "Known qualifiers": checksum
 */
export async function fileProvenance(purl: string, path: string, signal: AbortSignal): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of readChunks(path, signal)) hash.update(chunk);
  return `${purl}${purl.includes("?") ? "&" : "?"}checksum=sha256:${hash.digest("hex")}`;
}
