/** `npm:NAME@VERSION`: programs whose package has one optional package for each platform, such as buf and esbuild. */
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { extractArchive } from "../archive/extract.ts";
import { ContentVerificationError } from "../errors.ts";
import { type PlatformString, platformFromNode } from "../model/platform.ts";
import { fileOrigin } from "./origin.ts";
import { type ClientProgram, type ClientRun, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportDeps, ImportedFile, Importer } from "./source.ts";

const npm: ClientProgram = { name: "npm", howToGet: "install Node.js with npm and put it on the PATH" };

const specPattern = /^((?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*)@([0-9]+\.[0-9]+\.[0-9A-Za-z.+-]+)$/;
const packageSchema = v.object({
  license: v.optional(v.string()),
  repository: v.optional(v.union([v.string(), v.object({ url: v.optional(v.string()) })])),
  optionalDependencies: v.optional(v.record(v.string(), v.string()), {}),
});
const platformSchema = v.object({
  os: v.optional(v.array(v.string()), []),
  cpu: v.optional(v.array(v.string()), []),
  libc: v.optional(v.array(v.string()), []),
});
const packedSchema = v.union([
  v.array(v.object({ filename: v.string() })),
  // npm 12 and newer: by the package's name.
  v.record(v.string(), v.object({ filename: v.string() })),
]);

function parse<T extends v.GenericSchema>(schema: T, what: string, ran: ClientRun): v.InferOutput<T> {
  try {
    return v.parse(schema, JSON.parse(ran.stdout));
  } catch {
    throw importFailed(npm, what, ran);
  }
}

async function view<T extends v.GenericSchema>(
  schema: T,
  spec: string,
  fields: readonly string[],
  deps: ImportDeps,
  signal: AbortSignal,
): Promise<v.InferOutput<T>> {
  // A field that is alone would come without its name.
  const ran = await runClient(npm, ["view", spec, "name", ...fields, "--json"], {}, deps, signal);
  if (ran.exitCode !== 0 || ran.stdout.trim() === "") throw importFailed(npm, spec, ran);
  return parse(schema, spec, ran);
}

function platformOf({ os, cpu, libc }: v.InferOutput<typeof platformSchema>): PlatformString | undefined {
  // Static programs and those of glibc; the ones of musl are for other systems.
  if (libc.length > 0 && !libc.includes("glibc")) return undefined;
  const [system, machine] = [os[0], cpu[0]];
  if (system === undefined || machine === undefined) return undefined;
  try {
    return platformFromNode(system, machine);
  } catch {
    return undefined;
  }
}

/** npm checks the integrity that the registry states, and fails on another one. */
export const importNpm: Importer = async (spec, platforms, deps, signal) => {
  const [, name = "", version = ""] = specPattern.exec(spec) ?? [];
  if (name === "") throw specInvalid(spec, "write npm:NAME@VERSION, with the exact version");
  const { license, repository, optionalDependencies } = await view(
    packageSchema,
    spec,
    ["license", "repository", "optionalDependencies"],
    deps,
    signal,
  );
  const found = new Map<PlatformString, ImportedFile>();
  for (const [part, partVersion] of Object.entries(optionalDependencies)) {
    const exact = `${part}@${partVersion}`;
    const platform = platformOf(await view(platformSchema, exact, ["os", "cpu", "libc"], deps, signal));
    if (platform === undefined || !platforms.includes(platform) || found.has(platform)) continue;
    const dir = join(deps.workDir, "npm", platform);
    await mkdir(dir, { recursive: true });
    const ran = await runClient(npm, ["pack", exact, "--json", "--pack-destination", dir], {}, deps, signal);
    if (ran.exitCode !== 0) throw importFailed(npm, exact, ran);
    const [packed] = Object.values(parse(packedSchema, exact, ran));
    const archive = join(dir, packed?.filename ?? "");
    const path = join(dir, "tool", name.split("/").at(-1) ?? name);
    await extractArchive(archive, path, { signal, stripPrefix: "package" });
    await rm(join(path, "package.json"), { force: true });
    const purl = `pkg:npm/${part.replace("@", "%40")}@${partVersion}`;
    found.set(platform, { platform, path, origin: await fileOrigin(purl, archive) });
  }
  if (found.size === 0) {
    throw new ContentVerificationError("IMPORT_CONTENT_INVALID", `${spec} has no package for a platform in it`, {
      hint: "only packages with one optional package for each platform hold programs that run without Node",
    });
  }
  const missing = platforms.filter((platform) => !found.has(platform));
  const address = typeof repository === "string" ? repository : repository?.url;
  const source = address?.replace(/^git\+/, "");
  return { version, license, source, files: [...found.values()], missing };
};
