/** Importers for `file:PATH`, and for a URL with a digest. */
import type { Stats } from "node:fs";
import { mkdir, rm, stat } from "node:fs/promises";
import { basename, join, resolve } from "node:path";
import { extractArchive } from "../archive/extract.ts";
import { formatByName, isArchive, sniffFile } from "../archive/format.ts";
import { refuseUnsupported } from "../archive/unsupported.ts";
import type { Context } from "../context.ts";
import { UsageError } from "../errors.ts";
import { type PlatformString, platformStrings } from "../model/platform.ts";
import { expandTemplate, isTemplate } from "../model/reference.ts";
import { fitOf, machineText } from "./machine.ts";
import { misfitIn, type SoleMachine, soleMachineIn, warnOfMisfit } from "./programs.ts";
import { fileProvenance } from "./provenance.ts";
import { specInvalid } from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";
import { measured, nothingSaid } from "./vouchers.ts";

/** Imports a file or folder for all platforms; with `{platform}` in the path, one for each existing path. */
export const importFile: Importer = async ({ spec, platforms, named }, { context }, signal) => {
  if (spec === "") throw specInvalid("file:", "write file:PATH, with {platform} in the path for one file per platform");
  const at = (path: string): string => resolve(context.cwd, path);
  if (!isTemplate(spec)) {
    if (named.length > 1)
      throw specInvalid(`file:${spec}`, "write {platform} into the path: one file is for one platform or for all");
    const path = at(spec);
    const provenance = await localProvenance(path, await statIfThere(path), signal);
    const files = [
      await warned({ platform: named[0], path, provenance, vouchers: undefined }, basename(path), context),
    ];
    return { version: undefined, license: undefined, sourceUrl: undefined, files, missing: [] };
  }
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  for (const platform of platforms) {
    const path = at(expandTemplate(spec, platform));
    const stats = await statIfThere(path);
    if (stats === undefined) missing.push(platform);
    else {
      const provenance = await localProvenance(path, stats, signal);
      files.push(await warned({ platform, path, provenance, vouchers: undefined }, basename(path), context));
    }
  }
  return { version: undefined, license: undefined, sourceUrl: undefined, files, missing };
};

/** Warns of a program for another platform than the stated one, or than all: what the user states counts. */
async function warned(file: ImportedFile, source: string, { log }: Context): Promise<ImportedFile> {
  if (file.platform === undefined) {
    const sole = await soleMachineIn(file.path);
    if (sole !== undefined) log.warn(`${source}: ${forAll(sole)}`);
    return file;
  }
  const misfit = await misfitIn(file.path, file.platform);
  if (misfit !== undefined) warnOfMisfit(source, misfit, { isPublished: true }, log);
  return file;
}

function forAll({ machine, program }: SoleMachine): string {
  const platforms = platformStrings.filter((platform) => fitOf(machine, platform) === "native");
  const [only, ...others] = platforms;
  const option = only === undefined || others.length > 0 ? "--platform" : `--platform ${only}`;
  const text = `${JSON.stringify(program)} is a program for ${machineText(machine)}, and is published for all platforms`;
  return `${text}; to publish it for its own, add ${option}`;
}

/** The name alone, since local paths are private. A folder has no checksum here; its layer has a digest. */
async function localProvenance(path: string, stats: Stats | undefined, signal: AbortSignal): Promise<string> {
  const provenance = `file:${basename(path)}`;
  return stats?.isFile() === true ? await fileProvenance(provenance, path, signal) : provenance;
}

async function statIfThere(path: string): Promise<Stats | undefined> {
  return await stat(path).catch(() => undefined);
}

/** A URL for messages and provenance: a login, a query or a fragment may be a secret, and is removed. */
export function withoutSecrets(text: string): string {
  if (!/^https?:/i.test(text) || !URL.canParse(text)) return text;
  const { protocol, host, pathname } = new URL(text);
  return `${protocol}//${host}${pathname}`;
}

export interface UrlRequest {
  readonly text: string;
  /** In hex; undefined is refused, since a URL alone does not determine the bytes. */
  readonly sha256: string | undefined;
  readonly platform: PlatformString | undefined;
  /** Name of the file, for a URL without one; undefined: none is given. */
  readonly title: string | undefined;
}

/** The last part of a URL's path, decoded, as `curl -O` names the file. */
function nameIn({ pathname }: URL): string | undefined {
  let last = basename(pathname);
  try {
    last = basename(decodeURIComponent(last));
  } catch {
    // A wrong escape is part of the name.
  }
  return ["", ".", ".."].includes(last) || /[\0\\]/.test(last) ? undefined : last;
}

/**
 * Downloads one file, for one platform or for all. An archive is unpacked, so that the files can be inspected, and are
 * packed the same way everywhere.
 */
export async function importUrl(
  { text, sha256, platform, title }: UrlRequest,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<readonly ImportedFile[]> {
  if (sha256 === undefined) {
    throw new UsageError(
      "USAGE_INVALID",
      `${withoutSecrets(text)} needs --digest: a URL does not determine the bytes`,
      {
        hint: "take the checksum from the publisher, and verify the checksum once in another way",
      },
    );
  }
  if (!URL.canParse(text)) throw specInvalid(withoutSecrets(text), "write https://HOST/PATH");
  const url = new URL(text);
  const name = nameIn(url) ?? (title === undefined ? undefined : basename(title));
  if (name === undefined) {
    throw new UsageError("USAGE_INVALID", `${withoutSecrets(text)} ends in no file name`, {
      hint: "name the file with --title",
    });
  }
  const dir = join(services.workDir, "url");
  await mkdir(dir, { recursive: true });
  const path = join(dir, name);
  await services.download({ url, sha256, path }, signal);
  const provenance = `${withoutSecrets(text)}#sha256:${sha256}`;
  const checked = { level: "checksum", by: "sha256 stated by --digest" } as const;
  const vouchers = { ...nothingSaid, file: await measured(path, [name], signal), checked };
  const format = formatByName(await sniffFile(path), name, undefined);
  if (format === "raw")
    await refuseUnsupported(path, name, "download and unpack it, and import the folder with `file:`");
  if (!isArchive(format)) {
    return [await warned({ platform, path, provenance, vouchers }, withoutSecrets(text), services.context)];
  }
  const folder = join(dir, "unpacked", name.replace(/\.(?:zip|whl|jar|tar(?:\.\w+)?|tgz)$/i, ""));
  await extractArchive(path, folder, { signal });
  await rm(path);
  return [await warned({ platform, path: folder, provenance, vouchers }, withoutSecrets(text), services.context)];
}
