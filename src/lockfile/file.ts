/** Reads and writes `oras.lock.json`: sorted and stable, so that diffs show what changed and nothing else. */
import * as v from "valibot";
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import { changeText, readTextFile } from "../files/change-text.ts";
import { reservedKeyIn } from "../model/object-key.ts";
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
  const reserved = reservedKeyIn(json);
  if (reserved !== undefined) {
    throw new ConfigurationError("LOCK_INVALID", `${file} has \`${reserved}\`, a name that a lock cannot hold`, {
      hint: "rename the tool, or remove it and lock it anew with `buck2-oras lock add` under another name",
    });
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
  const text = await readTextFile(file);
  return text === undefined ? undefined : parseLock(text, file);
}

/** As this program writes it, whatever the line ends are: git makes them the system's. */
export async function isInWrittenForm(file: string, lock: Lock): Promise<boolean> {
  return (await readTextFile(file))?.replaceAll("\r\n", "\n") === formatLock(lock);
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

/**
 * Changes the lock as it is at this moment, not as it was read before: several processes that lock tools at once all end up in it.
 * A file that would stay the same is left alone; line ends stay what they are.
 *
 * @param change May be called again, when the file was changed in between.
 */
export async function changeLock(
  file: string,
  change: (lock: Lock | undefined) => Lock,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const changed = (text: string | undefined): string => {
    const formatted = formatLock(change(text === undefined ? undefined : parseLock(text, file)));
    return text?.includes("\r\n") ? formatted.replaceAll("\n", "\r\n") : formatted;
  };
  await changeText({ path: file, isSecret: false }, changed, context, signal);
}
