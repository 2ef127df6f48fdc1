/** `lock export`: the locked tools for DotSlash and mise, which have no logins for registries. */

import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { readReference } from "../artifact/naming.ts";
import { checkOutputFolder } from "../artifact/output.ts";
import type { Services } from "../artifact/services.ts";
import type { DiagnosisServices } from "../diagnosis/services.ts";
import { LocalIoError, localIoError, RegistryAuthError } from "../errors.ts";
import { readTextFile } from "../files/change-text.ts";
import { placeAtomically } from "../files/place.ts";
import { defaultRetry } from "../http/retry.ts";
import { toolOf } from "../lockfile/schema.ts";
import { checkNames, readExisting } from "../locking/existing.ts";
import { checkProgramFolder } from "../locking/project.ts";
import { inParallel } from "../parallel.ts";
import { dotslashText, isDotslashExport } from "../tools/dotslash.ts";
import { type ExportedPlatform, exportedPlatforms, notExported } from "../tools/exported.ts";
import { miseLines } from "../tools/mise.ts";
import { checkFileNames } from "../tools/shim-folder.ts";
import type { Run } from "../transfer/run.ts";

export const exportFormats = ["dotslash", "mise"] as const;
export type ExportFormat = (typeof exportFormats)[number];

export interface ExportRequest {
  /** Path of the lock. */
  readonly file: string;
  /** Empty: all tools. */
  readonly names: readonly string[];
  readonly format: ExportFormat;
}

export interface ExportedTool {
  readonly tool: string;
  /** The file of DotSlash, or the lines for mise. */
  readonly text: string;
}

type ExportServices = Services & Pick<DiagnosisServices, "probe">;

/** An exported platform with its address. */
interface Addressed {
  readonly one: ExportedPlatform;
  readonly url: string;
}

/**
 * Asks for each blob as DotSlash and mise would: without a login. With `--offline`, nothing is asked.
 *
 * @throws {RegistryAuthError} the registry gives the blob to nobody without a login
 */
async function addressOf(tool: string, one: ExportedPlatform, services: ExportServices, run: Run): Promise<string> {
  const { location } = readReference(one.repository, services);
  if (location.kind === "layout") throw notExported(tool, "comes from a layout folder, which has no address");
  const probe = await services.probe(location);
  const url = probe.blobUrl(one.layer.digest);
  if (services.settings.isOffline) return url.href;
  const { status } = await probe.blobWithoutLogin(one.layer.digest, defaultRetry, run.signal);
  if (status < 400) return url.href;
  throw new RegistryAuthError(
    status === 403 ? "REGISTRY_FORBIDDEN" : "REGISTRY_UNAUTHORIZED",
    `${location.registry} answers ${status} for ${tool} without a login (authentication), and DotSlash and mise have none`,
    { hint: "use `buck2-oras env` or `buck2-oras shim` for this tool: they use your logins" },
  );
}

/** @returns Tools in the order of the lock. @throws {UsageError} a tool that the format cannot express */
export async function lockExport(
  { file, names, format }: ExportRequest,
  services: ExportServices,
  run: Run,
): Promise<readonly ExportedTool[]> {
  const lock = await readExisting(file);
  checkNames(names, lock, file);
  const tools = Object.keys(lock.tools).filter((name) => names.length === 0 || names.includes(name));
  checkFileNames(tools, services.context.os);
  const found = tools.flatMap((tool) => {
    const locked = toolOf(lock, tool);
    return locked === undefined ? [] : [{ tool, locked, exported: exportedPlatforms(tool, locked) }];
  });
  return await inParallel(found, run.signal, async ({ tool, locked, exported }) => {
    const addressed: readonly Addressed[] = await inParallel(exported, run.signal, async (one) => ({
      one,
      url: await services.slots.run(() => addressOf(tool, one, services, run)),
    }));
    const urlOf = (one: ExportedPlatform): string => addressed.find((other) => other.one === one)?.url ?? "";
    if (format === "dotslash") return { tool, text: dotslashText(tool, exported, urlOf) };
    const { tag } = readReference(locked.reference.replaceAll(/[-_.]?\{platform\}/g, ""), services);
    return { tool, text: miseLines({ name: tool, tag: tag ?? "locked", exported }, urlOf).join("\n") };
  });
}

/**
 * Writes a DotSlash file for each tool. A file that `lock export` did not write stays, and nothing is written.
 *
 * @returns Absolute paths.
 */
export async function writeDotslash(
  folder: string,
  { lock, tools }: { readonly lock: string; readonly tools: readonly ExportedTool[] },
  services: Pick<Services, "context" | "settings">,
): Promise<readonly string[]> {
  const output = checkOutputFolder(folder, services.context);
  await checkProgramFolder(output, lock, services);
  const files = tools.map(({ tool, text }) => ({ path: join(output, tool), text }));
  for (const { path } of files) {
    const found = await readTextFile(path);
    if (found === undefined || isDotslashExport(found)) continue;
    throw new LocalIoError("LOCAL_IO", `${path} is not a file of \`lock export\`; nothing was written`, {
      hint: "name another folder, or remove this file yourself",
    });
  }
  await mkdir(output, { recursive: true }).catch((cause: unknown) => {
    throw localIoError(`create ${output}`, cause);
  });
  for (const { path, text } of files) {
    await placeAtomically(path, async (staged) => {
      await writeFile(staged, text);
      return { mode: 0o755 };
    });
  }
  return files.map(({ path }) => path);
}
