/** Standard output that says so when it cannot take what it is given. */
import { fstatSync, writeSync } from "node:fs";
import { LocalIoError, localIoError } from "../errors.ts";
import type { OutputStream } from "./io.ts";

/** @param cause Node's error. */
export function outputError(cause: unknown): LocalIoError {
  const { code } = localIoError("write to standard output", cause);
  return new LocalIoError(code, "could not write to standard output: what was printed there is not whole", {
    cause,
    hint: "free some space, or send the output elsewhere, and run the same command again",
  });
}

/** Terminals and pipes are Node's to write to; a file and a device take bytes at once, or not at all. */
function isFile(fd: number): boolean {
  try {
    const found = fstatSync(fd);
    return found.isFile() || found.isCharacterDevice() || found.isBlockDevice();
  } catch {
    return false;
  }
}

/**
 * Node's own stream for a file takes a short write for a whole one, and tells of an error after the process has ended well.
 *
 * @throws {LocalIoError} from `write`, for a file; the errors of other streams are events
 */
export function createOutput(stream: NodeJS.WriteStream & { readonly fd: number }): OutputStream {
  if (stream.isTTY || !isFile(stream.fd)) return stream;
  return {
    write(text) {
      const bytes = Buffer.from(text, "utf8");
      try {
        for (let offset = 0; offset < bytes.byteLength; ) offset += writeSync(stream.fd, bytes, offset);
      } catch (cause) {
        throw outputError(cause);
      }
    },
  };
}
