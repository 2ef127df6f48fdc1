/** Reads and writes `oras.lock.json`: sorted and stable, so that diffs show what changed and nothing else. */
import { randomBytes } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import * as v from "valibot";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { type Lock, lockSchema, lockVersion } from "./schema.ts";

export const lockFileName = "oras.lock.json";

export const emptyLock: Lock = { version: lockVersion, tools: {} };

/**
 * @param file Names the lock in messages.
 * @throws {ConfigurationError} `LOCK_INVALID`, `LOCK_VERSION_UNSUPPORTED`
 */
export function parseLock(text: string, file: string): Lock {
  const hint = `restore ${file} from version control, or remove it and write it anew with \`buck2-oras lock add\``;
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new ConfigurationError("LOCK_INVALID", `${file} is not JSON`, { cause, hint });
  }
  if (typeof json === "object" && json !== null && "version" in json && json.version !== lockVersion) {
    const version = JSON.stringify(json.version);
    throw new ConfigurationError(
      "LOCK_VERSION_UNSUPPORTED",
      `${file} has lock version ${version}; this is read: ${lockVersion}`,
      {
        hint:
          typeof json.version === "number" && json.version > lockVersion
            ? "it was written by a newer buck2-oras: update buck2-oras, or remove the file and write it anew with `buck2-oras lock add`"
            : hint,
      },
    );
  }
  const result = v.safeParse(lockSchema, json);
  if (result.success) return result.output;
  const issue = result.issues[0];
  const place = v.getDotPath(issue) ?? "the lock";
  const fault = issue.received === "undefined" ? "is missing" : `is not what a lock has there (${issue.message})`;
  throw new ConfigurationError("LOCK_INVALID", `${file}: \`${place}\` ${fault}`, { hint });
}

/** @returns undefined when there is no such file. */
export async function readLock(file: string): Promise<Lock | undefined> {
  const text = await readLockText(file);
  return text === undefined ? undefined : parseLock(text, file);
}

/** The file as it is written, for a check of its form. */
export async function readLockText(file: string): Promise<string | undefined> {
  try {
    return await readFile(file, "utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw localIoError(`read ${file}`, cause);
  }
}

function sortKeys(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sortKeys);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).filter(([, item]) => item !== undefined);
  entries.sort(([a], [b]) => (a < b ? -1 : a > b ? 1 : 0));
  return Object.fromEntries(entries.map(([key, item]) => [key, sortKeys(item)]));
}

/** The one text of a lock: sorted keys, two spaces, a newline at the end. */
export function formatLock(lock: Lock): string {
  const { version, ...rest } = lock;
  return `${JSON.stringify({ version, ...(sortKeys(rest) as object) }, null, 2)}\n`;
}

/** Replaces the file in one step; a reader sees the old lock or the new one. */
export async function writeLock(file: string, lock: Lock): Promise<void> {
  const staged = join(dirname(file), `.${lockFileName}.${randomBytes(6).toString("hex")}`);
  try {
    await writeFile(staged, formatLock(lock));
    await rename(staged, file);
  } catch (cause) {
    await rm(staged, { force: true }).catch(() => {});
    throw localIoError(`write ${file}`, cause);
  }
}
