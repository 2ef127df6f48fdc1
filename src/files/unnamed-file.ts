/** Files without a name: nobody else can open them, and nothing is left of them however the process ends. */
import { randomBytes } from "node:crypto";
import { open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { localIoError } from "../errors.ts";
import { HashedFile } from "./hashed-write.ts";

/**
 * Makes a file whose name is gone before the first byte comes, where the system removes names of open files.
 *
 * @param path Must not exist.
 * @param name For messages.
 */
export async function createUnnamed(path: string, name = path): Promise<HashedFile> {
  const handle = await open(path, "wx+", 0o600);
  await rm(path).catch(() => {});
  return new HashedFile(name, handle);
}

/** {@link createUnnamed} in the system's folder for temporary files. @throws {LocalIoError} */
export async function createUnnamedTemporary(): Promise<HashedFile> {
  const path = join(tmpdir(), `buck2-oras-copy-${randomBytes(8).toString("hex")}`);
  try {
    return await createUnnamed(path);
  } catch (cause) {
    throw localIoError(`write ${path}`, cause);
  }
}
