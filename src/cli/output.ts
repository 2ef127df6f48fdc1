/** Standard output with errors for failed and short writes. */
import { fstatSync, writeSync } from "node:fs";
import { LocalIoError, localIoError } from "../errors.ts";
import type { OutputStream } from "./io.ts";

/** @param cause Node's error. */
export function outputError(cause: unknown): LocalIoError {
  const { code } = localIoError("write to standard output", cause);
  return new LocalIoError(code, "could not write to standard output: the output is incomplete", {
    cause,
    hint: "free disk space or redirect the output, then run the same command again",
  });
}

/** True for files and devices, which accept bytes at once or fail; Node's own stream serves pipes. */
function isFile(fd: number): boolean {
  try {
    const found = fstatSync(fd);
    return found.isFile() || found.isCharacterDevice() || found.isBlockDevice();
  } catch {
    return false;
  }
}

/**
 * Replaces Node's stream of a file: Node's stream treats a short write as complete, and reports an error only after a
 * successful exit.
 *
 * @throws {LocalIoError} from `write`, for a file or device; other streams emit their errors as events
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
