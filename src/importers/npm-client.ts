/** Calls of npm: metadata and archives, without running anything of a package. */
import { mkdir, readdir } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { namedVariables } from "./named-variables.ts";
import { hasSum, type StatedSum } from "./npm-integrity.ts";
import type { NpmSpec } from "./npm-spec.ts";
import { type ClientProgram, type ClientRun, contentReplaced, importFailed, runClient } from "./run.ts";
import type { ImporterServices } from "./source.ts";

export const npm: ClientProgram = {
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

/** Codes of npm for a package, a version or an archive that the registry does not have. */
const absent = /"code": *"(?:E404|ETARGET)"|npm (?:ERR!|error) code (?:E404|ETARGET)\b/;

/** npm, with the options that all calls share. */
export interface Npm {
  readonly call: (
    command: string,
    options: readonly string[],
    spec: string,
    fields: readonly string[],
  ) => Promise<ClientRun>;
  /** The same client, with another end for its calls. */
  readonly until: (signal: AbortSignal) => Npm;
}

export async function openNpm(services: ImporterServices, signal: AbortSignal): Promise<Npm> {
  const { env, homeDir } = services.context;
  const userConfig = env.npm_config_userconfig ?? env.NPM_CONFIG_USERCONFIG ?? join(homeDir, ".npmrc");
  const named = await namedVariables([userConfig], /\$\{([^${}?]+)\??\}/g);
  const program = { ...npm, variables: [...npm.variables, ...named] };
  // No folder above counts as a project or a workspace.
  const always = ["--json", "--ignore-scripts", "--no-workspaces"];
  const until = (end: AbortSignal): Npm => ({
    call: (command, options, spec, fields) =>
      runClient(
        program,
        { args: [command, ...always, ...options, "--", spec, ...fields], env: runsNothing, what: `npm: ${spec}` },
        services,
        end,
      ),
    until,
  });
  return until(signal);
}

/**
 * Asks for the fields of a package.
 *
 * @param spec `NAME` or `NAME@VERSION`, from the strict parser.
 * @returns undefined for a package or version that the registry does not have.
 */
export async function view<T extends v.GenericSchema>(
  { call }: Npm,
  schema: T,
  spec: string,
  fields: readonly string[],
): Promise<v.InferOutput<T> | undefined> {
  // npm prints a single field without its name.
  const ran = await call("view", [], spec, ["name", ...fields]);
  // Older versions of npm print nothing for a missing version.
  if (ran.exitCode === 0 ? ran.stdout.trim() === "" : absent.test(ran.output)) return undefined;
  if (ran.exitCode !== 0) throw importFailed(npm, spec, ran);
  try {
    return v.parse(schema, JSON.parse(ran.stdout));
  } catch {
    throw importFailed(npm, spec, ran);
  }
}

export interface NpmArchive extends NpmSpec {
  /** Checksum that the registry states. */
  readonly sum: StatedSum;
  /** An empty folder for the archive. */
  readonly dir: string;
}

/** Fetches an archive. @returns The archive's path in `dir`; undefined for an archive that the registry does not have. */
export async function pack(
  { call }: Npm,
  { name, version, sum, dir }: NpmArchive,
  signal: AbortSignal,
): Promise<string | undefined> {
  const exact = `${name}@${version}`;
  await mkdir(dir, { recursive: true });
  const ran = await call("pack", ["--pack-destination", dir], exact, []);
  if (ran.exitCode !== 0 && absent.test(ran.output)) return undefined;
  if (ran.exitCode !== 0) throw importFailed(npm, exact, ran);
  const [file] = await readdir(dir);
  if (file === undefined) throw importFailed(npm, exact, ran);
  const path = join(dir, file);
  if (!(await hasSum(path, sum, signal))) throw contentReplaced(npm, exact);
  return path;
}
