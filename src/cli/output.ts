/** The standard streams for output, with errors for failed and short writes. */
import { fstatSync, writeSync } from "node:fs";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";
import type { OutputStream } from "./io.ts";

/** @param cause Node's error. */
function outputError(cause: unknown): LocalIoError {
  const { code } = localIoError("write to standard output", cause);
  return new LocalIoError(code, "could not write to standard output: the output is incomplete", {
    cause,
    hint: "free disk space or redirect the output, then run the same command again",
  });
}

type NodeStream = NodeJS.WriteStream & { readonly fd: number };

/**
 * A file takes bytes at once or fails. A pipe also waits for its reader. Others, such as a terminal, need Node's stream.
 * `closed`: the reader has gone (`list … | head`), which is no error. The command goes on, since its exit code may be a
 * verdict.
 */
type Kind = "file" | "pipe" | "other" | "closed";

/** A device of characters is a terminal, or a file such as `/dev/null`. */
function kindOf(fd: number, open: () => NodeStream, os: string): Exclude<Kind, "closed"> {
  try {
    const found = fstatSync(fd);
    if (found.isFile() || found.isBlockDevice()) return "file";
    // Windows: a write to a pipe may need an event loop.
    if (found.isFIFO() && os !== "win32") return "pipe";
    return found.isCharacterDevice() && !open().isTTY ? "file" : "other";
  } catch {
    return "other";
  }
}

/**
 * Standard output or standard error, which opens Node's stream only where it must: that costs as much time as a third of
 * Node's own start. Node's stream of a file also treats a short write as complete, and reports an error only after a
 * successful exit.
 */
export class StandardOutput implements OutputStream {
  readonly #fd: number;
  readonly #open: () => NodeStream;
  readonly #onError: (error: LocalIoError) => void;
  #kind: Kind;
  #stream: NodeStream | undefined;

  /**
   * @param open Gives Node's stream.
   * @param onError Receives a failed write.
   */
  constructor(fd: number, open: () => NodeStream, os: string, onError: (error: LocalIoError) => void) {
    this.#fd = fd;
    this.#open = open;
    this.#onError = onError;
    this.#kind = kindOf(fd, open, os);
  }

  get isTTY(): boolean {
    return this.#kind === "other" && this.stream.isTTY;
  }

  get columns(): number | undefined {
    return this.#kind === "other" ? this.stream.columns : undefined;
  }

  /** Node's stream. */
  get stream(): NodeStream {
    if (this.#stream === undefined) {
      this.#stream = this.#open();
      this.#stream.on("error", (error) => {
        this.#fail(error);
      });
    }
    return this.#stream;
  }

  write(text: string): void {
    if (this.#kind === "closed") return;
    if (this.#kind === "other") {
      this.stream.write(text);
      return;
    }
    const bytes = Buffer.from(text, "utf8");
    let offset = 0;
    try {
      while (offset < bytes.byteLength) offset += writeSync(this.#fd, bytes, offset);
    } catch (cause) {
      if (this.#kind === "pipe" && isErrno(cause, "EAGAIN")) {
        // Another process made the pipe non-blocking; Node's stream can wait.
        this.#kind = "other";
        this.stream.write(bytes.subarray(offset));
      } else this.#fail(cause);
    }
  }

  #fail(cause: unknown): void {
    if (isErrno(cause, "EPIPE")) this.#kind = "closed";
    // Node's stream reports a failure once more for each write that waited behind it.
    else if (this.#kind !== "closed") this.#onError(outputError(cause));
  }

  /** Calls `done` after the last write. */
  whenWritten(done: () => void): void {
    if (this.#stream === undefined || this.#kind === "closed") done();
    else this.#stream.write("", () => done());
  }
}
