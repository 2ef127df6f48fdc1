/** `file:PATH` and an address with a digest: what is there already, or can be had from anywhere. */
import type { Stats } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { extractArchive } from "../archive/extract.ts";
import { isArchive, sniffFile } from "../archive/format.ts";
import { UsageError } from "../errors.ts";
import type { PlatformString } from "../model/platform.ts";
import { expandTemplate, isTemplate } from "../model/reference.ts";
import { fileProvenance } from "./provenance.ts";
import { specInvalid } from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";

/** A file or folder for all platforms; with `{platform}` in its path, one for each that is there. */
export const importFile: Importer = async ({ spec, platforms, named }, { context }, signal) => {
  if (spec === "") throw specInvalid("file:", "write file:PATH, with {platform} in it for one of each");
  const at = (path: string): string => resolve(context.cwd, path);
  if (!isTemplate(spec)) {
    if (named.length > 1)
      throw specInvalid(`file:${spec}`, "write {platform} into the path: one file is for one platform or for all");
    const path = at(spec);
    const files = [
      { platform: named[0], path, provenance: await localProvenance(path, await statIfThere(path), signal) },
    ];
    return { version: undefined, license: undefined, sourceUrl: undefined, files, missing: [] };
  }
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  for (const platform of platforms) {
    const path = at(expandTemplate(spec, platform));
    const stats = await statIfThere(path);
    if (stats === undefined) missing.push(platform);
    else files.push({ platform, path, provenance: await localProvenance(path, stats, signal) });
  }
  return { version: undefined, license: undefined, sourceUrl: undefined, files, missing };
};

/** The name alone: where it lay on a machine is nobody's business. A folder's bytes have the sum of their layer. */
async function localProvenance(path: string, stats: Stats | undefined, signal: AbortSignal): Promise<string> {
  const provenance = `file:${basename(path)}`;
  return stats?.isFile() === true ? await fileProvenance(provenance, path, signal) : provenance;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}

/** An address as it may be shown and noted: a login or a signature in it is a secret. */
export function withoutSecrets(text: string): string {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return text;
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}

export interface UrlRequest {
  readonly text: string;
  /** Hex. Required: an address alone does not say which bytes are meant. */
  readonly sha256: string | undefined;
  readonly platform: PlatformString | undefined;
}

/**
 * Fetches one file from an address, for one platform or for all. An archive is unpacked, so that it can be looked into and packed the same
 * way everywhere.
 */
export async function importUrl(
  { text, sha256, platform }: UrlRequest,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<readonly ImportedFile[]> {
  if (sha256 === undefined) {
    throw new UsageError(
      "USAGE_INVALID",
      `${withoutSecrets(text)} needs --digest: an address does not say which bytes are meant`,
      {
        hint: "take the sum from who publishes it, and check it by another way once",
      },
    );
  }
  if (!URL.canParse(text)) throw specInvalid(withoutSecrets(text), "write https://HOST/PATH");
  const url = new URL(text);
  const name = basename(url.pathname) || "tool";
  const dir = join(services.workDir, "url");
  await mkdir(dir, { recursive: true });
  const path = join(dir, name);
  await services.download({ url, sha256, path }, signal);
  const provenance = `${withoutSecrets(text)}#sha256:${sha256}`;
  if (!isArchive(await sniffFile(path))) return [{ platform, path, provenance }];
  const folder = join(dir, "unpacked", name.replace(/\.(?:zip|whl|jar|tar(?:\.\w+)?|tgz)$/i, ""));
  await extractArchive(path, folder, { signal });
  await rm(path);
  return [{ platform, path: folder, provenance }];
}
