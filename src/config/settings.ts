/**
 * Settings: command-line options first, then environment variables, the project's file, the user's file, defaults. Read
 * once, here; what is below gets required, parsed values.
 */
import { dirname, join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, UsageError } from "../errors.ts";
import { parseRegistry, type RepositoryPrefix } from "../model/reference.ts";
import type { ConfigFile, ConfigFiles } from "./file.ts";
import { leadsInside } from "./inside.ts";

/** What the caller (command line or library) asked for; undefined means "not said". */
export interface SettingsOverrides {
  readonly registry?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
  /** True: to the one registry that is named; else to these hosts. */
  readonly plainHttp?: boolean | readonly string[] | undefined;
  readonly caFile?: string | undefined;
  readonly offline?: boolean | undefined;
  readonly auditLog?: string | undefined;
}

export interface NamedRegistry {
  readonly prefix: RepositoryPrefix;
  readonly mirrors: readonly RepositoryPrefix[];
  /** The file that says so. */
  readonly source: string;
}

export interface Settings {
  /** Host for references that name none. */
  readonly registry: string | undefined;
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
  /** Of an option and of all files together. */
  readonly plainHttpHosts: ReadonlySet<string>;
  /** PEM file with the authorities to trust besides Node's own. */
  readonly caFile: string | undefined;
  readonly isOffline: boolean;
  /** Executable with the `pull REF -o DIR --extract` contract that pulls in our place. */
  readonly externalCli: string | undefined;
  /** Absolute path. */
  readonly auditLog: string | undefined;
  /** Absolute paths of the configuration files that were read, the one that wins first. */
  readonly configFiles: readonly string[];
  /** Where each of these comes from, for `config`: an option, a variable, a file, or `default`. */
  readonly sources: Readonly<Record<string, string>>;
}

const defaults = { totalSeconds: 600, connectSeconds: 15, idleSeconds: 30, concurrency: 4 } as const;
/** `setTimeout` takes a signed 32-bit number of milliseconds. */
const maxTimeoutSeconds = 2_000_000;

/** An empty variable counts as unset, as POSIX programs treat it. */
function variable(context: Context, name: string): string | undefined {
  const value = context.env[name];
  return value === undefined || value === "" ? undefined : value;
}

/** Folder for caches of this user: XDG on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows. */
function userCacheDir(context: Context): string {
  switch (context.os) {
    case "darwin":
      return join(context.homeDir, "Library", "Caches");
    case "win32":
      return variable(context, "LOCALAPPDATA") ?? join(context.homeDir, "AppData", "Local");
    default:
      return variable(context, "XDG_CACHE_HOME") ?? join(context.homeDir, ".cache");
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

  /** What all of them say together. */
  join<T>(name: string, candidates: readonly Candidate<readonly T[]>[]): T[] {
    const found = candidates.filter(({ value }) => value !== undefined && value.length > 0);
    this.sources[name] = found.map(({ source }) => source).join(", ") || "default";
    return found.flatMap(({ value }) => value ?? []);
  }
}

function fromFiles<T>(files: readonly ConfigFile[], read: (file: ConfigFile) => T | undefined): Candidate<T>[] {
  return files.map((file) => ({ source: file.path, value: read(file) }));
}

/** A path in a configuration file starts at that file's folder. */
function besideFile(file: ConfigFile, path: string | undefined): string | undefined {
  return path === undefined ? undefined : resolve(dirname(file.path), path);
}

/** By name; the first file that has a name says what it means. */
function namedRegistries(files: readonly ConfigFile[]): Map<string, NamedRegistry> {
  const named = new Map<string, NamedRegistry>();
  for (const { path, config } of files) {
    for (const [name, { prefix, mirrors = [] }] of Object.entries(config.registries ?? {})) {
      if (!named.has(name)) named.set(name, { prefix, mirrors, source: path });
    }
  }
  return named;
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
  const files = [found.project, found.user].filter((file) => file !== undefined);
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
  const isCacheOfProject = found.project !== undefined && picker.sources.cacheDir === found.project.path;
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
  return {
    registry: pick("registry", [...named, ...fromFiles(files, ({ config }) => config.defaultRegistry)]),
    credentialRegistry: named.find(({ value }) => value !== undefined)?.value,
    registries: namedRegistries(files),
    cacheDir,
    isCacheInProject: isCacheOfProject || found.projectFolders.some((folder) => leadsInside(cacheDir, folder) ?? true),
    retention: {
      olderThanDays: pick(
        "retention.olderThanDays",
        fromFiles(files, ({ config }) => config.retention?.olderThanDays),
      ),
      maxSizeBytes: pick(
        "retention.maxSize",
        fromFiles(files, ({ config }) => config.retention?.maxSize),
      ),
    },
    timeoutMs: Math.ceil((totalSeconds ?? defaults.totalSeconds) * 1000),
    connectTimeoutMs: Math.ceil((connectSeconds ?? defaults.connectSeconds) * 1000),
    idleTimeoutMs: Math.ceil((idleSeconds ?? defaults.idleSeconds) * 1000),
    concurrency:
      pick(
        "concurrency",
        fromFiles(files, ({ config }) => config.concurrency),
      ) ?? defaults.concurrency,
    allowPlainHttp: overrides.plainHttp === true,
    plainHttpHosts: new Set(
      picker.join("plainHttpHosts", [
        { source: "--plain-http", value: plainHosts?.map(parseRegistry) },
        ...fromFiles(files, ({ config }) => config.plainHttpHosts),
      ]),
    ),
    caFile: pick("caFile", [{ source: "--ca-file", value: inWorkingFolder(overrides.caFile) }]),
    isOffline: overrides.offline ?? false,
    externalCli: pick("externalCli", [{ source: "BUCK2_ORAS_BIN", value: variable(context, "BUCK2_ORAS_BIN") }]),
    auditLog: pick("auditLog", [
      { source: "--audit-log", value: inWorkingFolder(overrides.auditLog) },
      { source: "BUCK2_ORAS_AUDIT_LOG", value: inWorkingFolder(variable(context, "BUCK2_ORAS_AUDIT_LOG")) },
      ...fromFiles(files, (file) => besideFile(file, file.config.auditLog)),
    ]),
    configFiles: files.map(({ path }) => path),
    sources: picker.sources,
  };
}
