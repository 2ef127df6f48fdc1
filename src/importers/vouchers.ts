/**
 * Vouchers: what the source says of a fetched file, collected and not judged. Strangers wrote every statement.
 *
 * The room `vouching` judges: importers know neither keys nor trust roots.
 */
import { createHash } from "node:crypto";
import { readChunks } from "../archive/chunks.ts";

/** The file as the source gave it: an archive is not unpacked yet. */
export interface FetchedFile {
  /** The names by which a statement may call the file. */
  readonly names: readonly string[];
  /** In hex. */
  readonly sha256: string;
  /** In hex. */
  readonly sha512: string;
}

/** A check that was done already, by the client or while the file was fetched. */
export interface Checked {
  readonly level: "checksum" | "signature";
  /** Kind of the checksum, and who stated it. */
  readonly by: string;
}

/** A signature with a key of the registry. */
export interface KeySignature {
  readonly keyId: string;
  /** In base64. */
  readonly signature: string;
  /** The signed text, made of the fetched file's own checksum. */
  readonly text: string;
}

export interface Vouchers {
  readonly file: FetchedFile;
  readonly checked: Checked | undefined;
  readonly signatures: readonly KeySignature[];
  /** Sigstore bundles, as JSON. */
  readonly attestations: readonly Uint8Array[];
  /** Statements that the source announces and that could not be read, for people. */
  readonly missed: readonly string[];
}

/** No statement, for files of which the source says nothing. */
export const nothingSaid = { checked: undefined, signatures: [], attestations: [], missed: [] } as const;

/** Attestations of one file; a release has two. */
export const maxAttestations = 32;
/** Real answers have 5 to 60 KB. */
export const maxAttestationBytes = 4 * 1024 * 1024;

export async function measured(path: string, names: readonly string[], signal: AbortSignal): Promise<FetchedFile> {
  const [sha256, sha512] = [createHash("sha256"), createHash("sha512")];
  for await (const chunk of readChunks(path, signal)) {
    sha256.update(chunk);
    sha512.update(chunk);
  }
  return { names, sha256: sha256.digest("hex"), sha512: sha512.digest("hex") };
}
