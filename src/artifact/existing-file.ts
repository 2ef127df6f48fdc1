/** Comparison of a file to place with the file at its path, which an earlier pull may have placed. */
import { createHash } from "node:crypto";
import { lstat } from "node:fs/promises";
import { isExecutable } from "../archive/executable.ts";
import { headBytes } from "../files/hashed-write.ts";
import { openFile, piecesOf, readHead } from "../files/opened-file.ts";
import { placedMode } from "../files/place.ts";
import { release } from "../files/released-bytes.ts";
import { digestFromHex } from "../model/digest.ts";
import type { BlobIdentity } from "../model/source.ts";

/**
 * - `nothing`: no entry, or a folder, which the placing refuses
 * - `other`: other content, whose replacement is worth a warning
 * - `equal`: the same bytes with another mode, owner or a further name
 * - `placed`: the file as it would be placed
 */
export type ExistingFile = "nothing" | "other" | "equal" | "placed";

const pieceBytes = 1024 * 1024;

/** Reads the file only if its size is the expected one. @param userId Owner of placed files; undefined on Windows. */
export async function existingFile(
  path: string,
  expected: BlobIdentity,
  userId: number | undefined,
  signal: AbortSignal,
): Promise<ExistingFile> {
  const found = await lstat(path).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return "nothing";
  if (!found.isFile() || found.size !== expected.size) return "other";
  try {
    return await compare(path, expected, userId, signal);
  } catch {
    signal.throwIfAborted();
    return "other";
  }
}

async function compare(
  path: string,
  { digest, size }: BlobIdentity,
  userId: number | undefined,
  signal: AbortSignal,
): Promise<ExistingFile> {
  const file = await openFile(path, "refuse");
  try {
    if (file.size !== size) return "other";
    const hash = createHash("sha256");
    for await (const piece of piecesOf(file, pieceBytes, signal)) {
      hash.update(piece);
      release(piece);
    }
    if (digestFromHex(hash.digest("hex")) !== digest) return "other";
    const mode = placedMode(isExecutable(await readHead(file, headBytes)));
    const stats = await file.handle.stat();
    // The owner, and a program that knows another name of the file, could change the file later.
    const isOwn = (userId === undefined || stats.uid === userId) && stats.nlink === 1;
    return isOwn && (stats.mode & 0o7777) === mode ? "placed" : "equal";
  } finally {
    await file.handle.close();
  }
}
