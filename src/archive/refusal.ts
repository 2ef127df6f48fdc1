/** Errors of archives: raised with a reason, completed with the names of archive and entry by a caller. */
import { ContentVerificationError, type ErrorCode, localIoError, OrasClientError } from "../errors.ts";
import { printable } from "../printable.ts";

type ArchiveCode = Extract<ErrorCode, `ARCHIVE_${string}`>;

/** Internal error. The message is a predicate whose subject is the archive or the entry; never leaves this room. */
export class Refusal extends Error {
  override readonly name = "Refusal";
  readonly code: ArchiveCode;
  readonly hint: string | undefined;
  /** Name of the entry, if the catcher cannot know the name. */
  entry: string | undefined;

  constructor(code: ArchiveCode, reason: string, hint?: string) {
    super(reason);
    this.code = code;
    this.hint = hint;
  }
}

const hints: Readonly<Record<ArchiveCode, string | undefined>> = {
  ARCHIVE_INVALID:
    "pack the archive again, or fetch it again if its digest was not checked: it is damaged or truncated",
  ARCHIVE_UNSAFE: "ask the archive's author to pack it again without that entry; nothing was unpacked",
  ARCHIVE_TOO_LARGE: "ask the archive's author; nothing was unpacked",
  ARCHIVE_UNSUPPORTED: undefined,
};

/** Quotes a name from an archive, with a bounded length. */
export function quoted(name: string): string {
  const shown = name.length > 200 ? `${name.slice(0, 200)}…` : name;
  return printable(JSON.stringify(shown));
}

/** Unlike errors of zlib and archive libraries, errors of Node's file system have a `syscall`. */
function isFileSystemError(error: unknown): boolean {
  return error instanceof Error && "syscall" in error;
}

/**
 * Converts an error of reading an archive into an `OrasClientError`.
 *
 * @param entry Name of the current entry, as stated by the archive.
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
  return new ContentVerificationError("ARCHIVE_INVALID", `${subject} is damaged or truncated`, {
    hint: hints.ARCHIVE_INVALID,
    cause: error,
  });
}
