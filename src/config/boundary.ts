/**
 * The boundary of the project's file. The author of the checkout controls the file, so the file may only set what
 * cannot hurt the user. Other settings need the user's own file, a variable or an option. Ignored keys cause a warning.
 */
import { dirname, resolve } from "node:path";
import { isLinkLocal } from "../http/forbidden-address.ts";
import type { ConfigFile, ConfigFiles } from "./file.ts";
import { isInside, realLocation } from "./inside.ts";
import type { Config } from "./schema.ts";

/** An ignored key of the project's file. */
export interface LeftOut {
  /** As in the file, such as `auditLog` or `registries.acme`. */
  readonly key: string;
  /** Absolute path of the file. */
  readonly file: string;
  /** Reason for ignoring the key, and where to set it instead. */
  readonly reason: string;
}

/** Resolves a path of a configuration file against the file's folder. */
export function besideFile<T extends string | undefined>(file: ConfigFile, path: T): string | Exclude<T, string>;
export function besideFile(file: ConfigFile, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(dirname(file.path), path);
}

/** True for a folder strictly inside the project, after links are followed. */
function isOfProject(cacheDir: string, project: ConfigFile): boolean {
  const [cache, root] = [realLocation(cacheDir), realLocation(dirname(project.path))];
  return cache !== undefined && root !== undefined && cache !== root && isInside(cache, root);
}

/** @param registry With or without a port. */
function isAtLinkLocal(registry: string): boolean {
  const url = `https://${registry}`;
  return URL.canParse(url) && isLinkLocal(new URL(url).hostname);
}

function isSame(one: unknown, other: unknown): boolean {
  return JSON.stringify(one) === JSON.stringify(other);
}

/** @returns The project's file reduced to its allowed keys, and the ignored keys. */
export function withinBoundary({ project, user, userPath }: ConfigFiles): {
  readonly project: ConfigFile | undefined;
  readonly leftOut: readonly LeftOut[];
} {
  if (project === undefined) return { project, leftOut: [] };
  const leftOut: LeftOut[] = [];
  const leaveOut = (key: string, reason: string): void => void leftOut.push({ key, file: project.path, reason });
  const { auditLog, cacheDir, retention, registries, defaultRegistry, plainHttpHosts, ...rest } = project.config;
  const kept: Config = { ...rest };
  const atLinkLocal = `cloud metadata services answer at link-local addresses; to allow the host, set the key in ${userPath}`;
  if (defaultRegistry !== undefined) {
    if (isAtLinkLocal(defaultRegistry)) leaveOut("defaultRegistry", atLinkLocal);
    else kept.defaultRegistry = defaultRegistry;
  }
  if (plainHttpHosts !== undefined) {
    if (plainHttpHosts.some(isAtLinkLocal)) leaveOut("plainHttpHosts", atLinkLocal);
    else kept.plainHttpHosts = plainHttpHosts;
  }
  if (auditLog !== undefined)
    leaveOut(
      "auditLog",
      `a project must not choose a file that is written; set it in ${userPath}, BUCK2_ORAS_AUDIT_LOG or --audit-log`,
    );
  const cachePath = besideFile(project, cacheDir);
  const isCacheKept = cachePath !== undefined && isOfProject(cachePath, project);
  if (isCacheKept) kept.cacheDir = cacheDir;
  else if (cacheDir !== undefined) {
    const instead = `set it in ${userPath}, BUCK2_ORAS_CACHE_DIR or --cache-dir`;
    leaveOut("cacheDir", `a project's cache must be inside the project; for another folder, ${instead}`);
  }
  if (isCacheKept) kept.retention = retention;
  else if (retention !== undefined) {
    leaveOut(
      "retention",
      `a project's retention needs the project's own \`cacheDir\`; for your cache, set it in ${userPath}`,
    );
  }
  const newNames = Object.entries(registries ?? {}).filter(([name, registry]) => {
    const own = Object.entries(user?.config.registries ?? {}).find(([known]) => known === name)?.[1];
    if (own !== undefined && !isSame(own, registry)) leaveOut(`registries.${name}`, `${userPath} defines the name`);
    if (own !== undefined) return false;
    const isHarmless = ![registry.prefix, ...(registry.mirrors ?? [])].some((one) => isAtLinkLocal(one.registry));
    if (!isHarmless) leaveOut(`registries.${name}`, atLinkLocal);
    return isHarmless;
  });
  kept.registries = Object.fromEntries(newNames);
  return { project: { path: project.path, config: kept }, leftOut };
}

/** A short warning without reasons; `config` and `doctor` print the reasons. */
export function summarizeLeftOut(leftOut: readonly LeftOut[]): string {
  const keys = leftOut.map(({ key }) => key).join(", ");
  const count = leftOut.length === 1 ? "1 setting" : `${leftOut.length} settings`;
  const verb = leftOut.length === 1 ? "is" : "are";
  return `${count} of ${leftOut[0]?.file} ${verb} ignored: ${keys}; for the reasons, see \`buck2-oras config\``;
}

/** One line with all ignored keys and their reasons. */
export function describeLeftOut(leftOut: readonly LeftOut[]): string {
  const keys = leftOut.map(({ key, reason }) => `\`${key}\` (${reason})`);
  return `ignored in ${leftOut[0]?.file}, since a project may not set them: ${keys.join("; ")}`;
}
