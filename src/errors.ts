/**
 * Error classes and their codes: what callers branch on, what the CLI exits with, what Buck2 reports.
 *
 * Errors are made where a thing goes wrong and gain nothing but a cause on the way up; only `main.ts` prints them.
 */
import { printable } from "./printable.ts";

/**
 * Where the reason for an error is: with the caller, a setting, this machine (`local`), the bytes (`content`), a server that has not got
 * something (`absence`), refuses it (`denial`) or does not answer usefully (`network`, `time`), or with this package (`defect`).
 */
export type Side = "caller" | "setting" | "local" | "content" | "absence" | "denial" | "network" | "time" | "defect";

/**
 * Every code that the package can report. Codes are public: Buck2 shows them as sub-error categories and scripts match
 * on them, so a code is never renamed or reused.
 *
 * `exit` is the process exit code (sysexits.h). `side` is what other sources and other tries are chosen by. `isRetryable` says that the same request may succeed later unchanged.
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
  CACHE_NEWER: { exit: 78, side: "setting", isRetryable: false },
  CREDENTIAL_HELPER_FAILED: { exit: 78, side: "setting", isRetryable: false },
  LOCK_INVALID: { exit: 78, side: "setting", isRetryable: false },
  LOCK_VERSION_UNSUPPORTED: { exit: 78, side: "setting", isRetryable: false },
  LOCK_OUTDATED: { exit: 78, side: "setting", isRetryable: false },

  HUNG_UP: { exit: 129, side: "caller", isRetryable: false },
  INTERRUPTED: { exit: 130, side: "caller", isRetryable: false },
  TERMINATED: { exit: 143, side: "caller", isRetryable: false },
} as const satisfies Record<string, { readonly exit: number; readonly side: Side; readonly isRetryable: boolean }>;

export type ErrorCode = keyof typeof errorCodes;

/** Details of an error besides its message. */
export interface ErrorDetails {
  /** The next step for the person who reads it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

const maxMessageLength = 2000;

/** One printable line of a bounded length: messages quote what registries, files and people wrote. */
export function oneLine(text: string): string {
  const line = printable(text.replace(/\s+/g, " ").trim());
  return line.length <= maxMessageLength ? line : `${line.slice(0, maxMessageLength - 1)}…`;
}

/** Base of every error that the package throws on purpose. */
export class OrasClientError extends Error {
  override readonly name: string = "OrasClientError";
  readonly code: ErrorCode;
  readonly hint: string | undefined;

  /**
   * @param code What went wrong, for programs.
   * @param message What went wrong, for people: names the thing (file, reference, digest, host).
   */
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(oneLine(message), details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.hint = details.hint;
  }

  /** Exit code of the process, after sysexits.h. */
  get exitCode(): number {
    return errorCodes[this.code].exit;
  }

  get side(): Side {
    return errorCodes[this.code].side;
  }

  /** True when the same call may succeed later without anything being changed. */
  get isRetryable(): boolean {
    return errorCodes[this.code].isRetryable;
  }
}

/** The registry wants other credentials (401, 403), or its token service may not be trusted. */
export class RegistryAuthError extends OrasClientError {
  override readonly name = "RegistryAuthError";
}

/** No such reference, blob, platform or file. */
export class ArtifactNotFoundError extends OrasClientError {
  override readonly name = "ArtifactNotFoundError";
}

/** Bytes that are not what their digest, size or format says; nothing of them was kept. */
export class ContentVerificationError extends OrasClientError {
  override readonly name = "ContentVerificationError";
}

/** The network or the registry did not answer usefully after all tries. */
export class RegistryUnavailableError extends OrasClientError {
  override readonly name = "RegistryUnavailableError";
}

/** The deadline passed, or would pass before the registry wants to be asked again. */
export class TimeoutError extends OrasClientError {
  override readonly name = "TimeoutError";
}

/** The local file system said no: full, read-only, owned by somebody else. */
export class LocalIoError extends OrasClientError {
  override readonly name = "LocalIoError";
}

/** An argument or option that cannot mean anything. */
export class UsageError extends OrasClientError {
  override readonly name = "UsageError";
}

/** A configuration or lock file that cannot be used. */
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
    hint: "free some space there, or name another folder; TMPDIR names the one for temporary files",
  },
  EDQUOT: { code: "DISK_FULL", hint: "your disk quota is used up: free some space, or name another folder" },
  EACCES: { code: "PERMISSION_DENIED", hint: "check who owns the folder and its mode, or name another one" },
  EPERM: { code: "PERMISSION_DENIED", hint: "check who owns the folder and its mode, or name another one" },
  EROFS: { code: "PERMISSION_DENIED", hint: "the file system is read-only: name another folder" },
  ENOENT: { code: "LOCAL_IO", hint: "the folder takes no new files, or is gone: name another one" },
  ENOTDIR: { code: "LOCAL_IO", hint: "a part of the path is a file, where a folder is needed: name another one" },
  EISDIR: { code: "LOCAL_IO", hint: "a folder is where a file is needed: name a file, or remove the folder" },
  EEXIST: {
    code: "LOCAL_IO",
    hint: "something else than a folder is in the way, perhaps a broken link: remove it, or name another place",
  },
  ENAMETOOLONG: { code: "LOCAL_IO", hint: "the name is longer than the file system takes: name a shorter one" },
  ENXIO: { code: "LOCAL_IO", hint: "a named pipe that nobody reads is there: name a file" },
  EAGAIN: { code: "LOCAL_IO", hint: "whoever reads the pipe does not keep up: name a file" },
  ELOOP: { code: "LOCAL_IO", hint: "the links of the path lead in a circle: name another place" },
};

/** True for an error of Node's file system with this `code`, such as `ENOENT`. */
export function isErrno(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}

/**
 * Wraps an error of Node's file system; errors of ours pass through unchanged.
 *
 * @param action What was tried, as the end of "could not …", such as `write /cache/oras/ab/…`.
 */
export function localIoError(action: string, cause: unknown): OrasClientError {
  if (cause instanceof OrasClientError) return cause;
  const errno = cause instanceof Error && "code" in cause && typeof cause.code === "string" ? cause.code : undefined;
  const known = errno === undefined ? undefined : hintOfErrno[errno];
  return new LocalIoError(known?.code ?? "LOCAL_IO", `could not ${action}`, { cause, hint: known?.hint });
}

/**
 * A local file that could not be read: one that is not there is the caller's to name rightly, the rest is the disk's.
 *
 * @param path As the caller wrote it.
 */
export function unreadableFile(path: string, cause: unknown): OrasClientError {
  if (!isErrno(cause, "ENOENT") && !isErrno(cause, "ENOTDIR")) return localIoError(`read ${path}`, cause);
  return new ArtifactNotFoundError("FILE_NOT_FOUND", `file not found: ${path}`, {
    cause,
    hint: "a relative path starts at the working folder",
  });
}

/** The message with its nearest cause, for one line. */
export function withCause({ message, cause }: Error): string {
  return cause instanceof Error ? `${message} (${cause.message})` : message;
}

/** An error that nobody foresaw is a defect of ours; it is reported as one. */
export function asError(error: unknown): OrasClientError {
  if (error instanceof OrasClientError) return error;
  const message = error instanceof Error ? error.message : String(error);
  return new OrasClientError("INTERNAL", `unexpected: ${message}`, {
    cause: error,
    hint: "this is a defect of buck2-oras: report it with the command and the output of --verbose",
  });
}
