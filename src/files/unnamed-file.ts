/** Files without a name: nobody else can open them, and nothing is left of them however the process ends. */
import { constants } from "node:fs";
import { type FileHandle, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localIoError } from "../errors.ts";
import { HashedFile } from "./hashed-write.ts";

const { O_DIRECTORY = 0, O_RDWR } = constants;
/** Linux: the file never has a name. Node has no constant for it. @see open(2), asm-generic/fcntl.h */
const temporaryFlag = 0o20000000;

/**
 * Makes a file in a folder. Where the system has no files without a name its name is gone before the first byte comes.
 *
 * @param folder A path to it.
 * @param name Of the file for that moment; must not exist.
 * @param shown Names the file in messages.
 */
export async function createUnnamed(folder: string, name: string, shown: string): Promise<HashedFile> {
  return new HashedFile(shown, (await openWithout(folder)) ?? (await openAndRemove(join(folder, name))));
}

async function openWithout(folder: string): Promise<FileHandle | undefined> {
  if (O_DIRECTORY === 0) return undefined;
  // Systems and file systems that do not know the flag each have another error for it.
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
