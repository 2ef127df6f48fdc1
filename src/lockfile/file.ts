/** Reading and writing of `oras.lock.json`. The written form is sorted and stable, so that diffs show only changes. */
import * as v from "valibot";
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import { changeText, readTextFile } from "../files/change-text.ts";
import { reservedKeyIn } from "../model/object-key.ts";
import { type Lock, lockSchema, lockVersion } from "./schema.ts";

/** A tool on eight platforms needs 8 KB: this is room for 2000 of them. JSON is parsed without a pause. */
const maxLockBytes = 16 * 1024 * 1024;

/** Characters that a message has of the place of a fault; whoever wrote the lock chose the names. */
const maxPlaceLength = 500;

/** The lines that git and its kin leave around both sides of a conflict. */
const conflictMarker = /^(?:<{7}|>{7})(?:[ \r]|$)/m;

export const emptyLock: Lock = { version: lockVersion, tools: {} };

/**
 * @param file Names the lock in messages.
 * @throws {ConfigurationError} `LOCK_CONFLICT`, `LOCK_INVALID`, `LOCK_VERSION_UNSUPPORTED`
 */
export function parseLock(text: string, file: string): Lock {
  const hint = `restore ${file} from version control, or remove ${file} and recreate it with \`buck2-oras lock add\``;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    if (conflictMarker.test(text)) throw inConflict(file, cause);
    throw new ConfigurationError("LOCK_INVALID", `${file} is not JSON`, { cause, hint });
  }
  if (typeof json === "object" && json !== null && "version" in json && json.version !== lockVersion) {
    const version = JSON.stringify(json.version);
    throw new ConfigurationError(
      "LOCK_VERSION_UNSUPPORTED",
      `${file} has lock version ${version}; the supported version is ${lockVersion}`,
      {
        hint:
          typeof json.version === "number" && json.version > lockVersion
            ? `update buck2-oras, or remove ${file} and recreate it with \`buck2-oras lock add\``
            : hint,
      },
    );
  }
  const reserved = reservedKeyIn(json);
  if (reserved !== undefined) {
    throw new ConfigurationError("LOCK_INVALID", `${file} has the reserved name \`${reserved}\``, {
      hint: "rename the tool, or remove the tool and lock it under another name with `buck2-oras lock add`",
    });
  }
  const result = v.safeParse(lockSchema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = (v.getDotPath(issue) ?? "the lock").slice(0, maxPlaceLength);
  const fault = issue.received === "undefined" ? "is missing" : `is invalid (${issue.message})`;
  throw new ConfigurationError("LOCK_INVALID", `${file}: \`${place}\` ${fault}`, { hint });
}

function inConflict(file: string, cause: unknown): ConfigurationError {
  return new ConfigurationError("LOCK_CONFLICT", `${file} has the marks of an unfinished merge`, {
    cause,
    hint:
      "resolve the merge first: keep one side, such as with `git checkout --ours` (in a rebase, --theirs) and the file's name, " +
      "then repeat the other side's `buck2-oras lock add` or `lock update`",
  });
}

/** @returns undefined for a missing file. */
export async function readLock(file: string): Promise<Lock | undefined> {
  const text = await readTextFile(file, maxLockBytes);
  return text === undefined ? undefined : parseLock(text, file);
}

/** True if the file's text is the written form of `lock`. Line ends are ignored, since git may convert them. */
export async function isInWrittenForm(file: string, lock: Lock): Promise<boolean> {
  return (await readTextFile(file, maxLockBytes))?.replaceAll("\r\n", "\n") === formatLock(lock);
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

/** The written form of a lock: sorted keys, indented by two spaces, with a final newline. */
export function formatLock(lock: Lock): string {
  const { version, ...rest } = lock;
  return `${JSON.stringify({ version, ...(sortKeys(rest) as object) }, null, 2)}\n`;
}

/** A lock that no command could read any more; publishers choose how many files an artifact has. */
function tooLarge(file: string): ConfigurationError {
  return new ConfigurationError("LOCK_INVALID", `${file} would be larger than the limit of ${maxLockBytes} bytes`, {
    hint: "lock fewer platforms with --platform, or an artifact with fewer files, or keep a lock of its own for some tools with --lock; nothing was written",
  });
}

/**
 * Changes the current lock file; changes of concurrent processes are preserved. An unchanged file is not written. The
 * file's line ends are kept.
 *
 * @param change Called again after a concurrent change.
 * @throws {ConfigurationError} also for a lock that would be too large to be read
 */
export async function changeLock(
  file: string,
  change: (lock: Lock | undefined) => Lock,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const changed = (text: string | undefined): string => {
    const formatted = formatLock(change(text === undefined ? undefined : parseLock(text, file)));
    const written = text?.includes("\r\n") ? formatted.replaceAll("\n", "\r\n") : formatted;
    if (Buffer.byteLength(written) > maxLockBytes) throw tooLarge(file);
    return written;
  };
  await changeText({ path: file, isSecret: false }, changed, context, signal);
}
