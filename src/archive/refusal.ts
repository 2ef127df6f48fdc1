/** How an archive fails: a reason where it is found, the archive's and the entry's name where they are known. */
import { ContentVerificationError, type ErrorCode, localIoError, OrasClientError } from "../errors.ts";
import { printable } from "../printable.ts";

type ArchiveCode = Extract<ErrorCode, `ARCHIVE_${string}`>;

/** Says why, as the end of a sentence that begins with the archive or the entry; never leaves this room. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: ArchiveCode;
  readonly hint: string | undefined;
  /** Name of the entry, where whoever catches it cannot know. */
  entry: string | undefined;

  constructor(code: ArchiveCode, reason: string, hint?: string) {
    super(reason);
    this.code = code;
    this.hint = hint;
  }
}

const hints: Readonly<Record<ArchiveCode, string | undefined>> = {
  ARCHIVE_INVALID: "the archive is damaged or cut off: fetch it again, or pack it anew",
  ARCHIVE_UNSAFE: "nothing was unpacked; ask who made the archive, and pack it anew without that entry",
  ARCHIVE_TOO_LARGE: "nothing was unpacked; ask who made the archive",
  ARCHIVE_UNSUPPORTED: undefined,
};

/** A name from an archive, quoted, of a bounded length. */
export function quoted(name: string): string {
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return printable(JSON.stringify(shown));
}

/** Errors of Node's file system have a system call; those of zlib and of the archive libraries have none. */
function isFileSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/**
 * Turns whatever reading an archive threw into an error of ours.
 *
 * @param entry Name of the entry that was being read, as the archive states it.
 */
export function archiveError(archivePath: string, entry: string | undefined, error: unknown): unknown {
  if (error instanceof OrasClientError) return error;
  const name = error instanceof Refusal ? (error.entry ?? entry) : entry;
  const subject = name === undefined ? archivePath : `${archivePath}: entry ${quoted(name)}`;
  if (error instanceof Refusal) {
    const hint = error.hint ?? hints[error.code];
    return new ContentVerificationError(error.code, `${subject} ${error.message}`, { hint, cause: error.cause });
  }
  if (isFileSystemError(error)) return localIoError(`read ${archivePath}`, error);
  return new ContentVerificationError("ARCHIVE_INVALID", `${subject} is damaged or cut off`, {
    hint: hints.ARCHIVE_INVALID,
    cause: error,
  });
}
