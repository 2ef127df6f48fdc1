/**
 * Error classes and their codes. Callers branch on codes, the CLI maps them to exit codes, and Buck2 reports them.
 *
 * An error is created at the point of failure and gains only a cause on the way up. Only `main.ts` prints errors.
 */
import { printable } from "./printable.ts";

/**
 * Source of an error: the caller, a setting, this machine (`local`), the bytes (`content`), a server that lacks the
 * content (`absence`), denies access (`denial`) or does not answer usefully (`network`, `time`), or a `defect` of this
 * package.
 */
export type Side = "caller" | "setting" | "local" | "content" | "absence" | "denial" | "network" | "time" | "defect";

/**
 * Every error code of the package. Codes are public: Buck2 shows them as sub-error categories, and scripts match on
 * them. A code is never renamed or reused.
 *
 * `exit` is the process exit code (sysexits.h). `side` decides about further sources and tries. `isRetryable` means
 * that the unchanged request may succeed later.
 */
export const errorCodes = {
  USAGE_INVALID: { exit: 64, side: "caller", isRetryable: false },
  REFERENCE_INVALID: { exit: 64, side: "caller", isRetryable: false },
  REGISTRY_NOT_NAMED: { exit: 64, side: "caller", isRetryable: false },
  DIGEST_INVALID: { exit: 64, side: "caller", isRetryable: false },
  PLATFORM_UNKNOWN: { exit: 64, side: "caller", isRetryable: false },
  OUTPUT_REQUIRED: { exit: 64, side: "caller", isRetryable: false },

  BLOB_DIGEST_MISMATCH: { exit: 65, side: "content", isRetryable: false },
  BLOB_SIZE_MISMATCH: { exit: 65, side: "content", isRetryable: false },
  CONTENT_DIGEST_MISMATCH: { exit: 65, side: "content", isRetryable: false },
  MANIFEST_DIGEST_MISMATCH: { exit: 65, side: "content", isRetryable: false },
  MANIFEST_INVALID: { exit: 65, side: "content", isRetryable: false },
  MANIFEST_TOO_LARGE: { exit: 65, side: "content", isRetryable: false },
  MEDIA_TYPE_UNSUPPORTED: { exit: 65, side: "content", isRetryable: false },
  RESPONSE_INVALID: { exit: 65, side: "content", isRetryable: false },
  LAYOUT_INVALID: { exit: 65, side: "content", isRetryable: false },
  ARCHIVE_INVALID: { exit: 65, side: "content", isRetryable: false },
  ARCHIVE_UNSAFE: { exit: 65, side: "content", isRetryable: false },
  ARCHIVE_TOO_LARGE: { exit: 65, side: "content", isRetryable: false },
  ARCHIVE_UNSUPPORTED: { exit: 65, side: "content", isRetryable: false },
  IMPORT_CONTENT_INVALID: { exit: 65, side: "content", isRetryable: false },
  SIGNATURE_INVALID: { exit: 65, side: "content", isRetryable: false },
  SIGNATURE_MISSING: { exit: 65, side: "content", isRetryable: false },
  SIGNATURE_REFUSED: { exit: 65, side: "content", isRetryable: false },
  SIGNER_CHANGED: { exit: 65, side: "content", isRetryable: false },
  SOURCE_CHANGED: { exit: 65, side: "content", isRetryable: false },
  SOURCE_REFUSED: { exit: 65, side: "content", isRetryable: false },
  TRUST_ROOT_REFUSED: { exit: 65, side: "content", isRetryable: false },
  VERSION_AGE_REFUSED: { exit: 65, side: "content", isRetryable: false },
  CACHE_DAMAGED: { exit: 65, side: "local", isRetryable: false },

  ARTIFACT_NOT_FOUND: { exit: 66, side: "absence", isRetryable: false },
  PLATFORM_NOT_FOUND: { exit: 66, side: "absence", isRetryable: false },
  FILE_NOT_FOUND: { exit: 66, side: "caller", isRetryable: false },

  REGISTRY_UNAVAILABLE: { exit: 69, side: "network", isRetryable: true },
  REGISTRY_RATE_LIMITED: { exit: 69, side: "network", isRetryable: true },
  REGISTRY_REFUSED: { exit: 69, side: "network", isRetryable: false },
  PROXY_REFUSED: { exit: 69, side: "network", isRetryable: false },
  DELETION_REFUSED: { exit: 69, side: "network", isRetryable: false },
  REDIRECT_REFUSED: { exit: 69, side: "network", isRetryable: false },
  PAGINATION_REFUSED: { exit: 69, side: "network", isRetryable: false },
  OFFLINE: { exit: 69, side: "caller", isRetryable: false },
  CLI_NOT_FOUND: { exit: 69, side: "local", isRetryable: false },
  CLI_FAILED: { exit: 69, side: "local", isRetryable: false },
  IMPORT_CLIENT_NOT_FOUND: { exit: 69, side: "local", isRetryable: false },
  IMPORT_FAILED: { exit: 69, side: "local", isRetryable: true },
  NODE_NOT_FOUND: { exit: 69, side: "local", isRetryable: false },
  NODE_UNSUPPORTED: { exit: 69, side: "local", isRetryable: false },

  INTERNAL: { exit: 70, side: "defect", isRetryable: false },

  LOCAL_IO: { exit: 74, side: "local", isRetryable: false },
  DISK_FULL: { exit: 74, side: "local", isRetryable: false },
  PERMISSION_DENIED: { exit: 74, side: "local", isRetryable: false },

  TIMED_OUT: { exit: 75, side: "time", isRetryable: true },
  LOCK_BUSY: { exit: 75, side: "local", isRetryable: true },

  REGISTRY_UNAUTHORIZED: { exit: 77, side: "denial", isRetryable: false },
  REGISTRY_FORBIDDEN: { exit: 77, side: "denial", isRetryable: false },
  REALM_REFUSED: { exit: 77, side: "denial", isRetryable: false },

  CONFIG_INVALID: { exit: 78, side: "setting", isRetryable: false },
  KEY_INVALID: { exit: 78, side: "setting", isRetryable: false },
  KEY_PASSWORD_WRONG: { exit: 78, side: "setting", isRetryable: false },
  TRUST_ROOT_INVALID: { exit: 78, side: "setting", isRetryable: false },
  CACHE_NEWER: { exit: 78, side: "setting", isRetryable: false },
  CREDENTIAL_HELPER_FAILED: { exit: 78, side: "setting", isRetryable: false },
  LOCK_CONFLICT: { exit: 78, side: "setting", isRetryable: false },
  LOCK_INVALID: { exit: 78, side: "setting", isRetryable: false },
  LOCK_VERSION_UNSUPPORTED: { exit: 78, side: "setting", isRetryable: false },
  LOCK_OUTDATED: { exit: 78, side: "setting", isRetryable: false },

  HUNG_UP: { exit: 129, side: "caller", isRetryable: false },
  INTERRUPTED: { exit: 130, side: "caller", isRetryable: false },
  TERMINATED: { exit: 143, side: "caller", isRetryable: false },
} as const satisfies Record<string, { readonly exit: number; readonly side: Side; readonly isRetryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

export interface ErrorDetails {
  /** The next step for the reader; begins with a verb. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

const maxMessageLength = 2000;

/** One printable line of a bounded length. Messages quote text from registries, files and people. */
export function oneLine(text: string): string {
  const line = printable(text.replace(/\s+/g, " ").trim());
  return line.length <= maxMessageLength ? line : `${line.slice(0, maxMessageLength - 1)}…`;
}

/** Base class of every deliberately thrown error of the package. */
export class OrasClientError extends Error {
  override readonly name: string = "OrasClientError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  /**
   * @param code The kind of failure, for programs.
   * @param message The failure, for people; names the file, reference, digest or host.
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(oneLine(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }

  /** Exit code of the process (sysexits.h). */
  get exitCode(): number {
    return errorCodes[this.code].exit;
  }

  get side(): Side {
    return errorCodes[this.code].side;
  }

  /** True if the unchanged call may succeed later. */
  get isRetryable(): boolean {
    return errorCodes[this.code].isRetryable;
  }
}

/** The registry requires other credentials (401, 403), or its token service is not trusted. */
export class RegistryAuthError extends OrasClientError {
  override readonly name = "RegistryAuthError";
}

/** A reference, blob, platform or file does not exist. */
export class ArtifactNotFoundError extends OrasClientError {
  override readonly name = "ArtifactNotFoundError";
}

/** Bytes do not match their digest, size or format; none of them were kept. */
export class ContentVerificationError extends OrasClientError {
  override readonly name = "ContentVerificationError";
}

/** The network or the registry did not answer usefully after all tries. */
export class RegistryUnavailableError extends OrasClientError {
  override readonly name = "RegistryUnavailableError";
}

/** A list of several pages ends before its last page. */
export class IncompleteListError extends RegistryUnavailableError {
  /** Items of the pages before the failure, in the registry's order. */
  readonly listed: readonly string[];

  constructor(code: ErrorCode, message: string, listed: readonly string[], details: ErrorDetails) {
    super(code, message, details);
    this.listed = listed;
  }
}

/** The deadline passed, or would pass before the registry allows the next request. */
export class TimeoutError extends OrasClientError {
  override readonly name = "TimeoutError";
}

/** The local file system refused an operation: full, read-only, or owned by another user. */
export class LocalIoError extends OrasClientError {
  override readonly name = "LocalIoError";
}

/** An argument or option is invalid. */
export class UsageError extends OrasClientError {
  override readonly name = "UsageError";
}

/** A configuration or lock file is unusable. */
export class ConfigurationError extends OrasClientError {
  override readonly name = "ConfigurationError";
}

/** The caller or a signal stopped the work. */
export class InterruptedError extends OrasClientError {
  override readonly name = "InterruptedError";
}

const hintOfErrno: Readonly<Record<string, { code: ErrorCode; hint: string }>> = {
  ENOSPC: {
    code: "DISK_FULL",
    hint: "free some disk space, or name another folder; TMPDIR names the folder for temporary files",
  },
  EDQUOT: { code: "DISK_FULL", hint: "free some disk space, or name another folder: your disk quota is used up" },
  EACCES: { code: "PERMISSION_DENIED", hint: "check the folder's owner and mode, or name another folder" },
  EPERM: {
    code: "PERMISSION_DENIED",
    hint: "check the folder's owner and mode, or name another folder; on Windows, also close programs that use the file",
  },
  EBUSY: { code: "LOCAL_IO", hint: "close the program that uses the file, then run the command again" },
  EROFS: { code: "PERMISSION_DENIED", hint: "name another folder: the file system is read-only" },
  ENOENT: { code: "LOCAL_IO", hint: "name another folder: this folder takes no new files or no longer exists" },
  ENOTDIR: { code: "LOCAL_IO", hint: "name another path: a part of this path is a file, not a folder" },
  EISDIR: { code: "LOCAL_IO", hint: "name a file, or remove the folder of this name" },
  EEXIST: {
    code: "LOCAL_IO",
    hint: "remove the file or broken link that is in the way of the folder, or name another path",
  },
  ENAMETOOLONG: { code: "LOCAL_IO", hint: "choose a shorter name: the file system limits the length" },
  ENXIO: { code: "LOCAL_IO", hint: "name a file: no process reads this named pipe" },
  EAGAIN: { code: "LOCAL_IO", hint: "name a file: the reader of this pipe is too slow" },
  ELOOP: { code: "LOCAL_IO", hint: "name another path: the links of this path form a circle" },
};

/** True for a Node error with this `code`, such as `ENOENT`. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/**
 * Wraps an error of Node's file system. An `OrasClientError` passes through unchanged.
 *
 * @param action The attempted action, as the end of "could not …", such as `write /cache/oras/ab/…`.
 */
export function localIoError(action: string, cause: unknown): OrasClientError {
  if (cause instanceof OrasClientError) return cause;
  const errno = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
  const known = errno === undefined ? undefined : hintOfErrno[errno];
  return new LocalIoError(known?.code ?? "LOCAL_IO", `could not ${action}`, { cause, hint: known?.hint });
}

/**
 * The error for an unreadable local file: `FILE_NOT_FOUND` for a missing file, else `localIoError`.
 *
 * @param path As the caller wrote it.
 */
export function unreadableFile(path: string, cause: unknown): OrasClientError {
  if (!isErrno(cause, "ENOENT") && !isErrno(cause, "ENOTDIR")) return localIoError(`read ${path}`, cause);
  return new ArtifactNotFoundError("FILE_NOT_FOUND", `file not found: ${path}`, {
    // Node's words for the same path would say it again; those for another path show where it was looked for.
    cause:
      isErrno(cause, "ENOENT") && cause instanceof Error && cause.message.includes(`'${path}'`) ? undefined : cause,
    hint: "check the path; a relative path starts at the working folder",
  });
}

/** The message, with the nearest cause's message in parentheses. */
export function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

/** The refusal of the operating system in a raw error of Node; undefined for any other error. */
function systemRefusal(error: Error): OrasClientError | undefined {
  if (!("syscall" in error && "code" in error && typeof error.code === "string")) return undefined;
  const known = hintOfErrno[error.code];
  if (known === undefined) return undefined;
  return new LocalIoError(known.code, `the system refused an operation: ${error.message}`, {
    cause: error,
    hint: known.hint,
  });
}

/** Wraps an unforeseen error: a refusal of the system, else `INTERNAL`, a defect of this package. */
export function asError(error: unknown): OrasClientError {
  if (error instanceof OrasClientError) return error;
  const refusal = error instanceof Error ? systemRefusal(error) : undefined;
  if (refusal !== undefined) return refusal;
  const message = error instanceof Error ? error.message : String(error);
  return new OrasClientError("INTERNAL", `unexpected: ${message}`, {
    cause: error,
    hint: "report this defect of buck2-oras, with the command and the output of --verbose",
  });
}
