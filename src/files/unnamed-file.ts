/**
 * Files without a name: other processes cannot open them by path, and they vanish at the end of the process that made
 * them.
 */
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localIoError } from "../errors.ts";
import { HashedFile } from "./hashed-write.ts";

const { O_DIRECTORY = 0, O_RDWR } = constants;
/** `__O_TMPFILE` of Linux: the file never has a name. Node lacks the constant. @see open(2); asm-generic/fcntl.h */
const temporaryFlag = 0o20000000;

/**
 * Creates a file without a name. Without support by the system, the file's name is removed before the first write.
 *
 * @param folder Path of the folder.
 * @param name Temporary name of the fallback; must not exist.
 * @param shown Names the file in messages.
 * @throws Node's error
 */
export async function createUnnamed(folder: string, name: string, shown: string): Promise<HashedFile> {
  return new HashedFile(shown, (await openWithout(folder)) ?? (await openAndRemove(join(folder, name))));
}

async function openWithout(folder: string): Promise<FileHandle | undefined> {
  if (O_DIRECTORY === 0) return undefined;
  // Systems and file systems without the flag report different errors.
  return await open(folder, temporaryFlag | O_DIRECTORY | O_RDWR, 0o600).catch(() => undefined);
}

async function openAndRemove(path: string): Promise<FileHandle> {
  const handle = await open(path, "wx+", 0o600);
  await rm(path).catch(() => {});
  return handle;
}

/** {@link createUnnamed} in the system's folder for temporary files. @throws {LocalIoError} */
export async function createUnnamedTemporary(name: string): Promise<HashedFile> {
  const folder = tmpdir();
  try {
    return await createUnnamed(folder, name, join(folder, name));
  } catch (cause) {
    throw localIoError(`write into ${folder}`, cause);
  }
}
