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

/** Creates a missing folder. @throws {LocalIoError} for a folder that cannot be created or read */
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
    const hint = `${refusal.hint ?? "name another cache"}; until then, files for an output are fetched without the cache`;
    return { status: "warning", detail: `${detail}; ${withCause(refusal)}`, hint };
  }
  const shared = await store.sharedBecause();
  const sharing = shared === undefined ? "" : `; not yours alone: ${shared}`;
  if (free < minFreeBytes) {
    return {
      status: "warning",
      detail: detail + sharing,
      hint: "free disk space with `buck2-oras clear-cache --older-than 30`",
    };
  }
  if (shared === undefined) return { detail };
  const hint =
    "use a cache of your own for speed: a shared cache is verified at each use, and its notes on tags are ignored";
  return { status: "warning", detail: detail + sharing, hint };
}

/** Why a command that fetches could not use the existing cache; undefined for a usable cache. */
async function whyUnusable(store: Store): Promise<CacheUnusableError | undefined> {
  try {
    await store.checkWritable();
    return undefined;
  } catch (error) {
    if (error instanceof CacheUnusableError) return error;
    throw error;
  }
}

/** Warns of settings that were left out, which look like a defect to their author. */
export async function checkConfiguration({ settings }: DiagnosisServices): Promise<Finding> {
  const { configFiles, leftOut } = settings;
  const detail = configFiles.join(", ") || "no file";
  if (leftOut.length === 0) return { detail };
  return { status: "warning", detail, hint: describeLeftOut(leftOut) };
}
