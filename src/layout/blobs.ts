/**
 * The blobs of a layout folder. An attacker who controls a checkout can replace `blobs` or `blobs/sha256` by a link
 * into another folder of the user. Therefore both folders are held open, and links are refused.
 */
import { join } from "node:path";
import { ArtifactNotFoundError, ContentVerificationError, isErrno, localIoError } from "../errors.ts";
import { HeldFolder } from "../files/held-folder.ts";
import { type OpenedFile, UnfitFileError } from "../files/opened-file.ts";
import { readBounded } from "../files/regular-file.ts";
import { type Digest, digestHex, digestOf } from "../model/digest.ts";
import { maxManifestBytes } from "../model/manifest.ts";
import { invalidLayout, linkedPart } from "./documents.ts";

/**
 * @param path The layout's folder; a link is followed, since the user named the path.
 * @param work Receives undefined for a missing folder.
 */
export async function holdingLayout<T>(path: string, work: (root: HeldFolder | undefined) => Promise<T>): Promise<T> {
  return await closing(
    await HeldFolder.open(path, "follow").catch((cause: unknown) => {
      throw localIoError(`read ${path}`, cause);
    }),
    work,
  );
}

/** @param missing Whether to create missing folders; `leave` passes undefined to `work`. */
export async function holdingBlobs<T>(
  path: string,
  missing: "make" | "leave",
  work: (blobs: HeldFolder | undefined) => Promise<T>,
): Promise<T> {
  return await holdingLayout(path, async (root) =>
    closing(await partOf(root, "blobs", missing, path), async (algorithms) =>
      closing(await partOf(algorithms, "sha256", missing, path), work),
    ),
  );
}

async function partOf(
  folder: HeldFolder | undefined,
  name: string,
  missing: "make" | "leave",
  layout: string,
): Promise<HeldFolder | undefined> {
  if (folder === undefined) return undefined;
  try {
    const found = await (missing === "make" ? folder.makeChild(name) : folder.child(name));
    if (found !== undefined || (await folder.look(name)) === undefined) return found;
  } catch (cause) {
    throw localIoError(`${missing === "make" ? "write to" : "read"} ${join(folder.path, name)}`, cause);
  }
  throw linkedPart(layout, name === "sha256" ? "blobs/sha256" : name);
}

async function closing<T>(
  folder: HeldFolder | undefined,
  work: (folder: HeldFolder | undefined) => Promise<T>,
): Promise<T> {
  try {
    return await work(folder);
  } finally {
    await folder?.close();
  }
}

/**
 * Opens a blob for reading. A link is followed, since build systems create links; the reader verifies the bytes.
 *
 * @param layout The layout's path.
 * @param what Names the blob in messages.
 * @throws {ArtifactNotFoundError} no such blob
 * @throws {ContentVerificationError} `LAYOUT_INVALID`: a pipe, a device or a folder in its place
 */
export async function openLayoutBlob(
  blobs: HeldFolder | undefined,
  digest: Digest,
  layout: string,
  what: string,
): Promise<OpenedFile> {
  const notFound = (cause?: unknown): Error =>
    new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${what}`, { cause });
  if (blobs === undefined) throw notFound();
  try {
    return await blobs.openFile(digestHex(digest), "follow");
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) throw notFound(cause);
    if (cause instanceof UnfitFileError) throw invalidLayout(layout, cause.message, cause);
    throw localIoError(`read ${join(blobs.path, digestHex(digest))}`, cause);
  }
}

/** @throws What {@link openLayoutBlob} throws; `MANIFEST_TOO_LARGE`, `MANIFEST_DIGEST_MISMATCH` */
export async function readLayoutManifest(
  blobs: HeldFolder | undefined,
  digest: Digest,
  layout: string,
  what: string,
): Promise<Uint8Array> {
  const file = await openLayoutBlob(blobs, digest, layout, what);
  let bytes: Uint8Array;
  try {
    if (file.size > maxManifestBytes) {
      throw new ContentVerificationError(
        "MANIFEST_TOO_LARGE",
        `the manifest of ${what} has ${file.size} bytes; at most ${maxManifestBytes} are read`,
      );
    }
    bytes = await readBounded(file, maxManifestBytes);
  } catch (cause) {
    throw localIoError(`read ${file.path}`, cause);
  } finally {
    await file.handle.close();
  }
  const actual = digestOf(bytes);
  if (actual === digest) return bytes;
  throw new ContentVerificationError("MANIFEST_DIGEST_MISMATCH", `the manifest of ${what} in the layout is ${actual}`, {
    hint: "copy the layout folder again: it was changed or truncated",
  });
}
