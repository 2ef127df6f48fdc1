/** Importer for `npm:NAME@VERSION`: programs with one optional package per platform, such as buf and esbuild. */
import { mkdir, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { extractArchive } from "../archive/extract.ts";
import { ContentVerificationError } from "../errors.ts";
import { type PlatformString, platformFromNode } from "../model/platform.ts";
import { namedVariables } from "./named-variables.ts";
import { hasSum, type StatedSum, statedSum } from "./npm-integrity.ts";
import { type NpmSpec, parseNpmDependency, parseNpmSpec } from "./npm-spec.ts";
import { fileProvenance } from "./provenance.ts";
import {
  type ClientProgram,
  type ClientRun,
  contentReplaced,
  importFailed,
  runClient,
  specInvalid,
  sumMissing,
} from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";

const npm: ClientProgram = {
  name: "npm",
  howToGet: "install Node.js with npm and put it on the PATH",
  // Locations of packages, proxies and logins. Left out: variables that make npm run programs (`NODE_OPTIONS`,
  // `npm_config_script_shell`, `npm_config_git`) or change its work (`npm_config_dry_run`). `npm run` sets such
  // variables for its children.
  variables: [
    "NODE_EXTRA_CA_CERTS",
    "NODE_USE_SYSTEM_CA",
    "NODE_AUTH_TOKEN",
    "NPM_TOKEN",
    "npm_config_userconfig",
    "npm_config_globalconfig",
    "npm_config_prefix",
    "npm_config_cache",
    "npm_config_registry",
    "npm_config_replace_registry_host",
    "npm_config_@*",
    "npm_config_//*",
    "npm_config__auth*",
    "npm_config_ca",
    "npm_config_cafile",
    "npm_config_cert",
    "npm_config_key",
    "npm_config_strict_ssl",
    "npm_config_proxy",
    "npm_config_https_proxy",
    "npm_config_noproxy",
    "npm_config_fetch_*",
    "npm_config_maxsockets",
  ],
};

/**
 * Settings with which npm runs nothing of a package, whatever the metadata. As variables, the settings also reach an
 * npm that npm starts.
 *
 * @see docs.npmjs.com, "config": ignore-scripts, allow-git, allow-file, allow-directory
 */
const runsNothing = {
  npm_config_ignore_scripts: "true",
  npm_config_allow_git: "none",
  npm_config_allow_file: "none",
  npm_config_allow_directory: "none",
  npm_config_dry_run: "false",
  npm_config_update_notifier: "false",
};

/** Limit of optional packages, since each costs a request; the largest real packages have about thirty. */
const maxDependencies = 100;

const packageSchema = v.object({
  license: v.optional(v.string()),
  repository: v.optional(v.union([v.string(), v.object({ url: v.optional(v.string()) })])),
  optionalDependencies: v.optional(v.record(v.string(), v.string()), {}),
});
const platformSchema = v.object({
  name: v.string(),
  version: v.string(),
  os: v.optional(v.array(v.string()), []),
  cpu: v.optional(v.array(v.string()), []),
  libc: v.optional(v.array(v.string()), []),
  dist: v.object({
    tarball: v.string(),
    integrity: v.optional(v.string()),
    shasum: v.optional(v.string()),
  }),
});
type PlatformPackage = v.InferOutput<typeof platformSchema>;

/** npm, with the options that all calls share. */
interface Npm {
  readonly call: (
    command: string,
    options: readonly string[],
    spec: string,
    fields: readonly string[],
  ) => Promise<ClientRun>;
}

async function openNpm(services: ImporterServices, signal: AbortSignal): Promise<Npm> {
  const { env, homeDir } = services.context;
  const userConfig = env.npm_config_userconfig ?? env.NPM_CONFIG_USERCONFIG ?? join(homeDir, ".npmrc");
  const named = await namedVariables([userConfig], /\$\{([^${}?]+)\??\}/g);
  const program = { ...npm, variables: [...npm.variables, ...named] };
  // No folder above counts as a project or a workspace.
  const always = ["--json", "--ignore-scripts", "--no-workspaces"];
  return {
    call: (command, options, spec, fields) =>
      runClient(
        program,
        { args: [command, ...always, ...options, "--", spec, ...fields], env: runsNothing },
        services,
        signal,
      ),
  };
}

async function view<T extends v.GenericSchema>(
  { call }: Npm,
  schema: T,
  { name, version }: NpmSpec,
  fields: readonly string[],
): Promise<v.InferOutput<T>> {
  const spec = `${name}@${version}`;
  // npm prints a single field without its name.
  const ran = await call("view", [], spec, ["name", ...fields]);
  if (ran.exitCode !== 0 || ran.stdout.trim() === "") throw importFailed(npm, spec, ran);
  try {
    return v.parse(schema, JSON.parse(ran.stdout));
  } catch {
    throw importFailed(npm, spec, ran);
  }
}

function platformOf({ os, cpu, libc }: PlatformPackage): PlatformString | undefined {
  // Static programs and programs for glibc; programs for musl are for other systems.
  if (libc.length > 0 && !libc.includes("glibc")) return undefined;
  const [system, machine] = [os[0], cpu[0]];
  if (system === undefined || machine === undefined) return undefined;
  try {
    return platformFromNode(system, machine);
  } catch {
    return undefined;
  }
}

/** Parses the optional packages: their publisher could name a folder of the user, or a repository with scripts. */
function partsOf(spec: string, optionalDependencies: Readonly<Record<string, string>>): NpmSpec[] {
  const entries = Object.entries(optionalDependencies);
  if (entries.length > maxDependencies) {
    throw new ContentVerificationError("IMPORT_CONTENT_INVALID", `${spec} has ${entries.length} optional packages`, {
      hint: `import another package, with ${maxDependencies} optional packages at most`,
    });
  }
  return entries.map(([name, wanted]) => {
    const part = parseNpmDependency(name, wanted);
    if (part !== undefined) return part;
    const named = `${JSON.stringify(name)}: ${JSON.stringify(wanted)}`;
    throw new ContentVerificationError(
      "IMPORT_CONTENT_INVALID",
      `${spec} names an optional package that is not an exact version in the registry: ${named}`,
      { hint: "inspect the package before use; the optional package was not requested" },
    );
  });
}

/**
 * The registry's checksum of an archive, read once: npm asks again for the fetch, and might get another answer.
 *
 * @throws {ContentVerificationError} for an archive without an HTTP URL, and for another package than the requested one
 */
function archiveSum(spec: NpmSpec, { name, version, dist }: PlatformPackage): StatedSum {
  const exact = `${spec.name}@${spec.version}`;
  const [wanted] = spec.version.split("+", 1);
  if (name !== spec.name || version.split("+", 1)[0] !== wanted || !/^https?:\/\//i.test(dist.tarball)) {
    throw new ContentVerificationError(
      "IMPORT_CONTENT_INVALID",
      `the registry does not state the archive of ${exact}`,
      {
        cause: new Error(`the registry states ${JSON.stringify({ name, version, tarball: dist.tarball })}`),
        hint: "ask the registry's operator; nothing was fetched",
      },
    );
  }
  const sum = statedSum(dist.integrity, dist.shasum);
  if (sum === undefined) throw sumMissing(npm, exact);
  return sum;
}

interface NpmArchive extends NpmSpec {
  /** Checksum that the registry states. */
  readonly sum: StatedSum;
  /** An empty folder for the archive. */
  readonly dir: string;
}

/** Fetches an archive. @returns The archive's path in `dir`. */
async function pack({ call }: Npm, { name, version, sum, dir }: NpmArchive, signal: AbortSignal): Promise<string> {
  const exact = `${name}@${version}`;
  await mkdir(dir, { recursive: true });
  const ran = await call("pack", ["--pack-destination", dir], exact, []);
  if (ran.exitCode !== 0) throw importFailed(npm, exact, ran);
  const [file] = await readdir(dir);
  if (file === undefined) throw importFailed(npm, exact, ran);
  const path = join(dir, file);
  if (!(await hasSum(path, sum, signal))) throw contentReplaced(npm, exact);
  return path;
}

/** Imports an npm package. npm verifies the registry's checksums; the stated checksum is also verified here. */
export const importNpm: Importer = async ({ spec: text, platforms }, services, signal) => {
  const spec = parseNpmSpec(text);
  if (spec === undefined) throw specInvalid(text, "write npm:NAME@VERSION, with the exact version");
  const client = await openNpm(services, signal);
  const fields = ["license", "repository", "optionalDependencies"];
  const { license, repository, optionalDependencies } = await view(client, packageSchema, spec, fields);
  const found = new Map<PlatformString, ImportedFile>();
  for (const part of partsOf(text, optionalDependencies)) {
    const stated = await view(client, platformSchema, part, ["version", "os", "cpu", "libc", "dist"]);
    const platform = platformOf(stated);
    if (platform === undefined || !platforms.includes(platform) || found.has(platform)) continue;
    const dir = join(services.workDir, "npm", platform);
    const archive = await pack(client, { ...part, sum: archiveSum(part, stated), dir: join(dir, "packed") }, signal);
    const path = join(dir, "tool", spec.name.split("/").at(-1) ?? spec.name);
    await extractArchive(archive, path, { signal, stripPrefix: "package" });
    await rm(join(path, "package.json"), { force: true });
    const purl = `pkg:npm/${part.name.replace("@", "%40")}@${part.version}`;
    found.set(platform, { platform, path, provenance: await fileProvenance(purl, archive, signal) });
  }
  if (found.size === 0) {
    throw new ContentVerificationError(
      "IMPORT_CONTENT_INVALID",
      `${text} has no optional package for a requested platform`,
      {
        hint: "import a package with one optional package per platform: other packages need Node to run",
      },
    );
  }
  const missing = platforms.filter((platform) => !found.has(platform));
  const address = typeof repository === "string" ? repository : repository?.url;
  const sourceUrl = address?.replace(/^git\+/, "");
  return { version: spec.version, license, sourceUrl, files: [...found.values()], missing };
};
