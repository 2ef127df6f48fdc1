/** Checks of this machine: the configuration and the cache. */
import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { describeLeftOut } from "../config/boundary.ts";
import { localIoError, withCause } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { CacheUnusableError } from "../store/damage.ts";
import type { Store } from "../store/store.ts";
import type { Finding } from "./examination.ts";
import type { DiagnosisServices } from "./services.ts";

const minFreeBytes = 1024 ** 3;

/** @throws {LocalIoError} the folder cannot be made, read or written to */
async function freeBytes(folder: string): Promise<number> {
  try {
    await makeFolder(folder);
    await access(folder, constants.R_OK | constants.X_OK);
    const { bavail, bsize } = await statfs(folder);
    return bavail * bsize;
  } catch (cause) {
    throw localIoError(`use the cache folder ${folder}`, cause);
  }
}

export async function checkCache({ settings, store }: DiagnosisServices): Promise<Finding> {
  const { cacheDir } = settings;
  const free = await freeBytes(cacheDir);
  const detail = `${cacheDir}, ${(free / 1e9).toFixed(1)} GB free`;
  const refusal = await whyUnusable(store);
  if (refusal !== undefined) {
    const hint = `what is not in it is fetched without it where an output is named; ${refusal.hint ?? "name another cache"}`;
    return { status: "warning", detail: `${detail}; ${withCause(refusal)}`, hint };
  }
  const shared = await store.sharedBecause();
  const sharing = shared === undefined ? "" : `; not yours alone: ${shared}`;
  if (free < minFreeBytes) {
    return { status: "warning", detail: detail + sharing, hint: "`buck2-oras clear-cache --older-than 30` makes room" };
  }
  if (shared === undefined) return { detail };
  const hint =
    "what is in the cache is verified each time, and notes on tags do not count; a folder of your own is faster";
  return { status: "warning", detail: detail + sharing, hint };
}

/** The cache is there, and a command that fetches could not use it. */
async function whyUnusable(store: Store): Promise<CacheUnusableError | undefined> {
  try {
    await store.checkWritable();
    return undefined;
  } catch (error) {
    if (error instanceof CacheUnusableError) return error;
    throw error;
  }
}

/** A setting that is left out looks like a defect to its author. */
export async function checkConfiguration({ settings }: DiagnosisServices): Promise<Finding> {
  const { configFiles, leftOut } = settings;
  const detail = configFiles.join(", ") || "no file";
  if (leftOut.length === 0) return { detail };
  return { status: "warning", detail, hint: describeLeftOut(leftOut) };
}
