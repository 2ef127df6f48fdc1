/** Provenance of a file: a package URL with the file's checksum. */
import { type FetchedFile, measured } from "./vouchers.ts";

/** @see github.com/package-url/purl-spec, "Known qualifiers": checksum */
export function provenanceOf(purl: string, { sha256 }: Pick<FetchedFile, "sha256">): string {
  return `${purl}${purl.includes("?") ? "&" : "?"}checksum=sha256:${sha256}`;
}

/**
 * @param purl Package URL with qualifiers, or `file:NAME`.
 * @param path The unchanged file from the ecosystem's client.
 */
export async function fileProvenance(purl: string, path: string, signal: AbortSignal): Promise<string> {
  return provenanceOf(purl, await measured(path, [], signal));
}
