/**
 * Locked tools as folders of programs, outside the build.
 *
 * A tool's folder is named by its content, is made from verified bytes in one rename, and is never changed. Each use
 * hashes the program again. The other files of an unpacked archive are as safe as the folder: nobody else may write
 * there.
 */
import { createHash } from "node:crypto";
import { chmod, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import { extractArchive } from "../archive/extract.ts";
import { isArchive, isCompressed } from "../archive/format.ts";
import { identifyFile } from "../archive/identify.ts";
import { quoted } from "../archive/refusal.ts";
import { fetchBlob } from "../artifact/fetch.ts";
import { fetchFile } from "../artifact/fetch-file.ts";
import { placeFile } from "../artifact/place.ts";
import { withDamageRepaired } from "../artifact/repair.ts";
import type { Services } from "../artifact/services.ts";
import { toolsFolder } from "../config/tools-folder.ts";
import type { Context } from "../context.ts";
import { ConfigurationError, ContentVerificationError, isErrno, localIoError, UsageError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { calledAs } from "../files/opened-file.ts";
import { sharedBecause } from "../files/ownership.ts";
import { withStagingFolder } from "../files/temporary-folder.ts";
import type { LockedLayer, LockedPlatform } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import { digestSchema } from "../model/digest-schema.ts";
import type { BlobIdentity, Target } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import { fileName, isUnpacked, programIn } from "./program.ts";
import { countInstalled, noteUse, recordName, removeUnused } from "./unused.ts";

export interface ToolRequest {
  /** Name in the lock. */
  readonly name: string;
  readonly platform: LockedPlatform;
  /** The platform's repository. */
  readonly source: Target;
}

export interface InstalledTool {
  /** Absolute path of the program. */
  readonly path: string;
  readonly digest: Digest;
  /** False if the tool was there already. */
  readonly isNew: boolean;
}

/** Name of the folder of all installed tools. */
const installedFolder = "installed";

const recordSchema = v.object({ digest: digestSchema });

/**
 * The folder for everything that runs outside the build.
 *
 * @throws {ConfigurationError} other users could replace the programs
 */
export async function openToolsFolder(context: Context): Promise<string> {
  const folder = toolsFolder(context);
  try {
    await makeFolder(folder, 0o700);
  } catch (cause) {
    throw localIoError(`create the folder for tools ${folder}`, cause);
  }
  const why = await sharedBecause(folder, context.userId);
  if (why === undefined) return folder;
  throw new ConfigurationError("CONFIG_INVALID", `the folder for tools is not yours alone: ${why}`, {
    hint: "set BUCK2_ORAS_TOOLS_DIR to a folder that only you can write into",
  });
}

export interface InstalledTools {
  /** Absolute path of the folder for everything that runs outside the build. */
  readonly folder: string;
  readonly count: number;
}

/** @throws {ConfigurationError} the variable of the folder holds a relative path */
export async function installedTools(context: Context): Promise<InstalledTools> {
  const folder = toolsFolder(context);
  return { folder, count: await countInstalled(join(folder, installedFolder)) };
}

/** Name of the tool's folder: equal layers with the same program are one folder, since its record is the program's. */
function folderName({ name, platform }: ToolRequest, program: string): string {
  const hash = createHash("sha256")
    .update(JSON.stringify({ layers: platform.layers, program }))
    .digest("hex");
  return `${name}-${hash.slice(0, 40)}`;
}

/**
 * The tool's program on this machine, verified; missing tools are fetched.
 *
 * @throws {UsageError} the lock names no program
 */
export async function installTool(request: ToolRequest, services: Services, run: Run): Promise<InstalledTool> {
  const program = programIn(request.name, request.platform);
  if (program === undefined) throw noProgram(request.name);
  const { context } = services;
  const parent = join(await openToolsFolder(context), installedFolder);
  const folder = join(parent, folderName(request, program));
  const found = await findInstalled(folder, program, request, { context, run });
  if (found !== undefined) return found;
  await makeFolder(parent, 0o700).catch((cause: unknown) => {
    throw localIoError(`create the folder ${parent}`, cause);
  });
  return await withStagingFolder(parent, `.${basename(folder)}`, context, async (staging) => {
    await withDamageRepaired(services, (some) => placeLayers(request, join(staging.path, "files"), some, run));
    const path = join(staging.path, "files", program);
    const { digest } = await identifyProgram(path, request, run);
    await chmod(path, 0o755);
    await writeFile(join(staging.path, recordName), `${JSON.stringify({ digest })}\n`);
    try {
      await staging.moveTo(basename(folder));
    } catch (cause) {
      const meanwhile = await findInstalled(folder, program, request, { context, run });
      if (meanwhile === undefined) throw localIoError(`create ${folder}`, cause);
      return meanwhile;
    }
    await removeUnused(parent, context);
    return { path: join(folder, "files", program), digest, isNew: true };
  });
}

function noProgram(name: string): UsageError {
  return new UsageError("USAGE_INVALID", `the lock does not say which file of ${name} is its program`, {
    hint: `name the file when you lock the tool: \`buck2-oras lock add ${name} REFERENCE --executable PATH\``,
  });
}

/** The digest that the program must have: of the lock for a single file, else as noted when the archive was unpacked. */
function expectedDigest({ layers: [sole, ...others] }: LockedPlatform, record: string): Digest | undefined {
  if (sole !== undefined && others.length === 0 && !isArchive(sole.format)) return sole.contentDigest;
  try {
    return v.parse(recordSchema, JSON.parse(record)).digest;
  } catch {
    return undefined;
  }
}

/** @returns undefined for a tool that is not installed, and for a changed program, which is removed. */
async function findInstalled(
  folder: string,
  program: string,
  { name, platform }: ToolRequest,
  { context, run }: { readonly context: Context; readonly run: Run },
): Promise<InstalledTool | undefined> {
  const record = join(folder, recordName);
  const text = await readFile(record, "utf8").catch((cause: unknown) => {
    if (isErrno(cause, "ENOENT")) return undefined;
    throw localIoError(`read ${record}`, cause);
  });
  if (text === undefined) return undefined;
  const path = join(folder, "files", program);
  const found = await identifyFile(path, run.signal).catch(() => undefined);
  run.signal.throwIfAborted();
  if (found !== undefined && found.digest === expectedDigest(platform, text)) {
    await noteUse(record, context);
    return { path, digest: found.digest, isNew: false };
  }
  context.log.warn(`the installed ${name} was changed, and is installed again: ${folder}`);
  await rm(folder, { recursive: true, force: true }).catch((cause: unknown) => {
    throw localIoError(`remove ${folder}`, cause);
  });
  return undefined;
}

async function identifyProgram(path: string, { name }: ToolRequest, run: Run): Promise<{ readonly digest: Digest }> {
  return await identifyFile(path, run.signal).catch((cause: unknown) => {
    run.signal.throwIfAborted();
    throw new ContentVerificationError("ARCHIVE_INVALID", `${name} lacks the program that its lock names`, {
      cause,
      hint: `lock the tool again with \`buck2-oras lock update ${name}\``,
    });
  });
}

async function placeLayers(request: ToolRequest, output: string, services: Services, run: Run): Promise<void> {
  await mkdir(output, { recursive: true });
  for (const layer of request.platform.layers) await placeLayer(layer, { ...request, output }, services, run);
}

async function placeLayer(
  layer: LockedLayer,
  { name, platform, source, output }: ToolRequest & { readonly output: string },
  services: Services,
  run: Run,
): Promise<void> {
  const { digest, size, format, title, mediaType } = layer;
  const { store, context } = services;
  const { signal } = run;
  const placeAs = platform.layers.length === 1 ? fileName(name, title) : title;
  const place = (content: BlobIdentity) =>
    placeFile({ ...content, title: placeAs }, output, () => {}, { store, context, signal });
  if (isCompressed(format)) {
    const descriptor = { mediaType, digest, size, annotations: {}, artifactType: undefined, platform: undefined };
    const file = await fetchFile(
      { source, layer: { descriptor, title, isFolder: false, isRoot: false }, format, manifest: platform.manifest },
      services,
      run,
    );
    if (file.digest !== layer.contentDigest) throw otherContent(name, layer, file.digest);
    await place(file);
    return;
  }
  await fetchBlob({ source, blob: { digest, size }, label: name, manifest: platform.manifest }, services, run);
  if (isUnpacked(layer, platform)) {
    await store.read(digest, signal, (opened) =>
      extractArchive(calledAs(opened, `${quoted(title)} of ${source.name}`), output, { signal, context }),
    );
    return;
  }
  if (layer.contentDigest !== digest) throw otherContent(name, layer, digest);
  await place({ digest, size });
}

function otherContent(name: string, { contentDigest }: LockedLayer, found: Digest): ContentVerificationError {
  return new ContentVerificationError("CONTENT_DIGEST_MISMATCH", `${name} holds ${found}, not ${contentDigest}`, {
    hint: `lock the tool again with \`buck2-oras lock update ${name}\`, and compare the change`,
  });
}
