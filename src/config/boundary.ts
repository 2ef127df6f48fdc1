/**
 * The boundary of the project's file. The author of the checkout wrote it, so it decides only settings that cannot hurt the user; the
 * rest is for the user's own file, a variable or an option to say. What is left out is told, and the work goes on.
 */
import { dirname, resolve } from "node:path";
import { isLinkLocal } from "../http/forbidden-address.ts";
import type { ConfigFile, ConfigFiles } from "./file.ts";
import { isInside, realLocation } from "./inside.ts";
import type { Config } from "./schema.ts";

/** A key of the project's file that says nothing. */
export interface LeftOut {
  /** As in the file, such as `auditLog` or `registries.acme`. */
  readonly key: string;
  /** Absolute path of the file. */
  readonly file: string;
  /** Why, and where it may be said instead. */
  readonly reason: string;
}

/** A path in a configuration file starts at that file's folder. */
export function besideFile(file: ConfigFile, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(dirname(file.path), path);
}

/** True for a folder in the project, links followed, and not the whole of it. */
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

/** @returns The project's file with what counts in it, and what does not. */
export function withinBoundary({ project, user, userPath }: ConfigFiles): {
  readonly project: ConfigFile | undefined;
  readonly leftOut: readonly LeftOut[];
} {
  if (project === undefined) return { project, leftOut: [] };
  const leftOut: LeftOut[] = [];
  const leaveOut = (key: string, reason: string): void => void leftOut.push({ key, file: project.path, reason });
  const { auditLog, cacheDir, retention, registries, defaultRegistry, plainHttpHosts, ...rest } = project.config;
  const kept: Config = { ...rest };
  const atLinkLocal = `metadata services of clouds answer at link-local addresses; if you mean it, say it in ${userPath}`;
  if (defaultRegistry !== undefined) {
    if (isAtLinkLocal(defaultRegistry)) leaveOut("defaultRegistry", atLinkLocal);
    else kept.defaultRegistry = defaultRegistry;
  }
  if (plainHttpHosts !== undefined) {
    if (plainHttpHosts.some(isAtLinkLocal)) leaveOut("plainHttpHosts", atLinkLocal);
    else kept.plainHttpHosts = plainHttpHosts;
  }
  if (auditLog !== undefined) leaveOut("auditLog", `say it in ${userPath}, BUCK2_ORAS_AUDIT_LOG or --audit-log`);
  const cachePath = besideFile(project, cacheDir);
  const isCacheKept = cachePath !== undefined && isOfProject(cachePath, project);
  if (isCacheKept) kept.cacheDir = cacheDir;
  else if (cacheDir !== undefined) {
    const instead = `say it in ${userPath}, BUCK2_ORAS_CACHE_DIR or --cache-dir`;
    leaveOut("cacheDir", `a project's is a folder inside the project; for another, ${instead}`);
  }
  if (isCacheKept) kept.retention = retention;
  else if (retention !== undefined) {
    leaveOut("retention", `a project's is for a \`cacheDir\` of its own; for your cache, say it in ${userPath}`);
  }
  const newNames = Object.entries(registries ?? {}).filter(([name, registry]) => {
    const own = Object.entries(user?.config.registries ?? {}).find(([known]) => known === name)?.[1];
    if (own !== undefined && !isSame(own, registry)) leaveOut(`registries.${name}`, `${userPath} says what it is`);
    if (own !== undefined) return false;
    const isHarmless = ![registry.prefix, ...(registry.mirrors ?? [])].some((one) => isAtLinkLocal(one.registry));
    if (!isHarmless) leaveOut(`registries.${name}`, atLinkLocal);
    return isHarmless;
  });
  kept.registries = Object.fromEntries(newNames);
  return { project: { path: project.path, config: kept }, leftOut };
}

/** For a command about something else: `config` and `doctor` have the reasons. */
export function summarizeLeftOut(leftOut: readonly LeftOut[]): string {
  const keys = leftOut.map(({ key }) => key).join(", ");
  const count = leftOut.length === 1 ? "1 setting" : `${leftOut.length} settings`;
  const verb = leftOut.length === 1 ? "does" : "do";
  const where = "`buck2-oras config` says why and where to put";
  return `${count} of ${leftOut[0]?.file} ${verb} not count: ${keys}; ${where} ${leftOut.length === 1 ? "it" : "them"}`;
}

/** One line for people, whatever the number of keys. */
export function describeLeftOut(leftOut: readonly LeftOut[]): string {
  const keys = leftOut.map(({ key, reason }) => `\`${key}\` (${reason})`);
  return `left out of ${leftOut[0]?.file}, since it is not for a project to say: ${keys.join("; ")}`;
}
