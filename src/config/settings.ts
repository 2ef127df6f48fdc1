/**
 * Settings: command-line options first, then environment variables, the project's file as far as it may decide, the user's file,
 * defaults. Read once, here; what is below gets required, parsed values.
 */
import { join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, oneLine, UsageError } from "../errors.ts";
import { parseRegistry, type RepositoryPrefix } from "../model/reference.ts";
import { besideFile, type LeftOut, summarizeLeftOut, withinBoundary } from "./boundary.ts";
import { folderVariable, variable } from "./environment.ts";
import type { ConfigFile, ConfigFiles } from "./file.ts";
import { isInside, leadsInside } from "./inside.ts";

/** Settings of the caller (command line or library); undefined means "not said". */
export interface SettingsOverrides {
  readonly registry?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
  /** True: to the one registry that is named; else to these hosts. */
  readonly plainHttp?: boolean | readonly string[] | undefined;
  readonly caFile?: string | undefined;
  readonly offline?: boolean | undefined;
  readonly auditLog?: string | undefined;
  /** The command itself shows what does not count of the project's file: no warning is needed. */
  readonly showsLeftOut?: boolean | undefined;
}

export interface NamedRegistry {
  readonly prefix: RepositoryPrefix;
  readonly mirrors: readonly RepositoryPrefix[];
  /** The file that says so. */
  readonly source: string;
  /** That file is the user's. */
  readonly isOwn: boolean;
}

export interface Settings {
  /** Host for references that name none. */
  readonly registry: string | undefined;
  /** The same without what the project's file says: where logins go, and what is written. */
  readonly ownRegistry: string | undefined;
  /** The host that `ORAS_USER`, `ORAS_PASS` and `ORAS_TOKEN` are for; no file can name it. */
  readonly credentialRegistry: string | undefined;
  readonly registries: ReadonlyMap<string, NamedRegistry>;
  /** Absolute path. */
  readonly cacheDir: string;
  /**
   * The project's file names the cache folder, or it lies in the checkout, whoever named it: what is in it may have been
   * shipped. True as well where nobody can tell where the folder's links lead.
   */
  readonly isCacheInProject: boolean;
  /** Absolute paths of the folders that came with the checkout, with all that is in them. */
  readonly projectFolders: readonly string[];
  readonly retention: {
    readonly olderThanDays: number | undefined;
    readonly maxSizeBytes: number | undefined;
  };
  /** For the whole command. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Transfers at a time. */
  readonly concurrency: number;
  /** `http:` to the one registry that a command names, on loopback or not; never to a mirror. */
  readonly allowPlainHttp: boolean;
  /** Hosts of an option and the user's file together. */
  readonly plainHttpHosts: ReadonlySet<string>;
  /** Hosts that the project's file alone allows http for: they are shown no login. */
  readonly anonymousHttpHosts: ReadonlySet<string>;
  /** PEM file with the authorities to trust besides Node's own. */
  readonly caFile: string | undefined;
  readonly isOffline: boolean;
  /** Executable with the `pull REF -o DIR --extract` contract that pulls in our place. */
  readonly externalCli: string | undefined;
  /** Absolute path. */
  readonly auditLog: string | undefined;
  /** Absolute paths of the configuration files that were read, the one that wins first. */
  readonly configFiles: readonly string[];
  /** Absolute path of the user's file, whether it is there or not. */
  readonly userConfigPath: string;
  /** Keys of the project's file that do not count. */
  readonly leftOut: readonly LeftOut[];
  /** Where each of these comes from, for `config`: an option, a variable, a file, or `default`. */
  readonly sources: Readonly<Record<string, string>>;
}

const defaults = { totalSeconds: 600, connectSeconds: 15, idleSeconds: 30, concurrency: 4 } as const;
/** `setTimeout` takes a signed 32-bit number of milliseconds. */
const maxTimeoutSeconds = 2_000_000;

/** Folder for caches of this user: XDG on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows. */
function userCacheDir(context: Context): string {
  switch (context.os) {
    case "darwin":
      return join(context.homeDir, "Library", "Caches");
    case "win32":
      return folderVariable(context, "LOCALAPPDATA") ?? join(context.homeDir, "AppData", "Local");
    default:
      return folderVariable(context, "XDG_CACHE_HOME") ?? join(context.homeDir, ".cache");
  }
}

function registryFromEnvironment(context: Context): string | undefined {
  const text = variable(context, "BUCK2_ORAS_REGISTRY");
  if (text === undefined) return undefined;
  try {
    return parseRegistry(text);
  } catch (cause) {
    throw new ConfigurationError("CONFIG_INVALID", "BUCK2_ORAS_REGISTRY is not a registry", {
      cause,
      hint: "set it to a host with an optional port, such as ghcr.io or localhost:5000",
    });
  }
}

/** Where one setting may come from, in the order that counts. */
interface Candidate<T> {
  readonly source: string;
  readonly value: T | undefined;
}

/** Picks values and notes where they came from. */
class Picker {
  readonly sources: Record<string, string> = {};

  pick<T>(name: string, candidates: readonly Candidate<T>[]): T | undefined {
    const found = candidates.find(({ value }) => value !== undefined);
    this.sources[name] = found?.source ?? "default";
    return found?.value;
  }

  /** The union of all sources. */
  join<T>(name: string, candidates: readonly Candidate<readonly T[]>[]): T[] {
    const found = candidates.filter(({ value }) => value !== undefined && value.length > 0);
    this.sources[name] = found.map(({ source }) => source).join(", ") || "default";
    return found.flatMap(({ value }) => value ?? []);
  }
}

function fromFiles<T>(files: readonly ConfigFile[], read: (file: ConfigFile) => T | undefined): Candidate<T>[] {
  return files.map((file) => ({ source: file.path, value: read(file) }));
}

/** By name; of the project's file those that the user's does not have. */
function namedRegistries(user: ConfigFile | undefined, project: ConfigFile | undefined): Map<string, NamedRegistry> {
  const named = new Map<string, NamedRegistry>();
  for (const file of [user, project]) {
    for (const [name, { prefix, mirrors = [] }] of Object.entries(file?.config.registries ?? {})) {
      named.set(name, { prefix, mirrors, source: file?.path ?? "", isOwn: file === user });
    }
  }
  return named;
}

/**
 * A checkout may hold a link of the name that the user gives the log, and a line of the log holds text of the lock's.
 *
 * @throws {ConfigurationError} the log would be written outside the project
 */
function checkAuditLog(path: string, projectFolders: readonly string[]): void {
  const isLedOut = projectFolders.some((folder) => isInside(path, folder) && leadsInside(path, folder) !== true);
  if (!isLedOut) return;
  throw new ConfigurationError("CONFIG_INVALID", `the audit log ${path} is a link that leads out of the project`, {
    hint: "name the file where it is, or remove the link",
  });
}

/** Once for each command; what somebody else says in the key's place already is no loss. */
function warnOfLeftOut(leftOut: readonly LeftOut[], sources: Readonly<Record<string, string>>, context: Context): void {
  const said = Object.keys(sources).filter((name) => sources[name] !== "default");
  const lost = leftOut.filter(
    // A name is left out only where the user's file has it.
    ({ key }) => !key.startsWith("registries.") && !said.some((name) => name === key || name.startsWith(`${key}.`)),
  );
  if (lost.length > 0) context.log.warn(oneLine(summarizeLeftOut(lost)));
}

/**
 * @throws {UsageError} for an option out of range
 * @throws {ConfigurationError} for an environment variable that cannot be used
 */
export function readSettings(overrides: SettingsOverrides, context: Context, found: ConfigFiles): Settings {
  const { timeoutSeconds } = overrides;
  if (timeoutSeconds !== undefined && !(timeoutSeconds > 0 && timeoutSeconds <= maxTimeoutSeconds)) {
    throw new UsageError("USAGE_INVALID", `a timeout of ${timeoutSeconds} seconds is out of range`, {
      hint: `give --timeout a number above 0 and up to ${maxTimeoutSeconds}`,
    });
  }
  const { user, projectFolders } = found;
  const { project, leftOut } = withinBoundary(found);
  const files = [project, user].filter((file) => file !== undefined);
  const ofUser = files.filter((file) => file === user);
  const picker = new Picker();
  const pick = picker.pick.bind(picker);
  const optionRegistry = overrides.registry === undefined ? undefined : parseRegistry(overrides.registry);
  const named: Candidate<string>[] = [
    { source: "--registry", value: optionRegistry },
    { source: "BUCK2_ORAS_REGISTRY", value: registryFromEnvironment(context) },
  ];
  const plainHosts = typeof overrides.plainHttp === "object" ? overrides.plainHttp : undefined;
  const inWorkingFolder = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(context.cwd, path);
  const namedCacheDir = pick("cacheDir", [
    { source: "--cache-dir", value: inWorkingFolder(overrides.cacheDir) },
    { source: "BUCK2_ORAS_CACHE_DIR", value: inWorkingFolder(variable(context, "BUCK2_ORAS_CACHE_DIR")) },
    ...fromFiles(files, (file) => besideFile(file, file.config.cacheDir)),
  ]);
  const cacheDir = namedCacheDir ?? join(userCacheDir(context), "buck2-oras");
  const isCacheOfProject = picker.sources.cacheDir === project?.path;
  // What the project says of its own cache is nothing to another one.
  const ofCache = isCacheOfProject ? files : ofUser;
  const totalSeconds = pick("timeouts.totalSeconds", [
    { source: "--timeout", value: timeoutSeconds },
    ...fromFiles(files, ({ config }) => config.timeouts?.totalSeconds),
  ]);
  const connectSeconds = pick(
    "timeouts.connectSeconds",
    fromFiles(files, ({ config }) => config.timeouts?.connectSeconds),
  );
  const idleSeconds = pick(
    "timeouts.idleSeconds",
    fromFiles(files, ({ config }) => config.timeouts?.idleSeconds),
  );
  const plainHttpHosts = new Set(
    picker.join("plainHttpHosts", [
      { source: "--plain-http", value: plainHosts?.map(parseRegistry) },
      ...fromFiles(ofUser, ({ config }) => config.plainHttpHosts),
    ]),
  );
  const auditLog = pick("auditLog", [
    { source: "--audit-log", value: inWorkingFolder(overrides.auditLog) },
    { source: "BUCK2_ORAS_AUDIT_LOG", value: inWorkingFolder(variable(context, "BUCK2_ORAS_AUDIT_LOG")) },
    ...fromFiles(ofUser, (file) => besideFile(file, file.config.auditLog)),
  ]);
  const retention = {
    olderThanDays: pick(
      "retention.olderThanDays",
      fromFiles(ofCache, ({ config }) => config.retention?.olderThanDays),
    ),
    maxSizeBytes: pick(
      "retention.maxSize",
      fromFiles(ofCache, ({ config }) => config.retention?.maxSize),
    ),
  };
  if (auditLog !== undefined) checkAuditLog(auditLog, projectFolders);
  if (overrides.showsLeftOut !== true) warnOfLeftOut(leftOut, picker.sources, context);
  return {
    registry: pick("registry", [...named, ...fromFiles(files, ({ config }) => config.defaultRegistry)]),
    ownRegistry: [...named, { value: user?.config.defaultRegistry }].find(({ value }) => value !== undefined)?.value,
    credentialRegistry: named.find(({ value }) => value !== undefined)?.value,
    registries: namedRegistries(user, project),
    cacheDir,
    isCacheInProject: isCacheOfProject || projectFolders.some((folder) => leadsInside(cacheDir, folder) ?? true),
    projectFolders,
    retention,
    timeoutMs: Math.ceil((totalSeconds ?? defaults.totalSeconds) * 1000),
    connectTimeoutMs: Math.ceil((connectSeconds ?? defaults.connectSeconds) * 1000),
    idleTimeoutMs: Math.ceil((idleSeconds ?? defaults.idleSeconds) * 1000),
    concurrency:
      pick(
        "concurrency",
        fromFiles(files, ({ config }) => config.concurrency),
      ) ?? defaults.concurrency,
    allowPlainHttp: overrides.plainHttp === true,
    plainHttpHosts,
    anonymousHttpHosts: new Set(
      picker.join("plainHttpHosts.withoutLogin", [
        {
          source: project?.path ?? "",
          value: project?.config.plainHttpHosts?.filter((host) => !plainHttpHosts.has(host)),
        },
      ]),
    ),
    caFile: pick("caFile", [{ source: "--ca-file", value: inWorkingFolder(overrides.caFile) }]),
    isOffline: overrides.offline ?? false,
    externalCli: pick("externalCli", [{ source: "BUCK2_ORAS_BIN", value: variable(context, "BUCK2_ORAS_BIN") }]),
    auditLog,
    configFiles: files.map(({ path }) => path),
    userConfigPath: found.userPath,
    leftOut,
    sources: picker.sources,
  };
}
