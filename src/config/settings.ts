/**
 * Settings, in order of precedence: command-line options, environment variables, the allowed part of the project's
 * file, the user's file, defaults. Read once; lower layers get required, parsed values.
 */
import { join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, oneLine, UsageError } from "../errors.ts";
import { parseRegistry } from "../model/registry-host.ts";
import type { RepositoryPrefix } from "../model/repository-prefix.ts";
import { besideFile, type LeftOut, summarizeLeftOut, withinBoundary } from "./boundary.ts";
import { folderVariable, variable } from "./environment.ts";
import type { ConfigFile, ConfigFiles } from "./file.ts";
import { isInside, leadsInside } from "./inside.ts";
import { type Candidate, Picker } from "./picker.ts";
import { type PolicyFile, readPolicies } from "./policies.ts";

/** Settings of the caller (command line or library); undefined means not set. */
export interface SettingsOverrides {
  readonly registry?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
  /** True: the named registry. A list: these hosts. False: no host, not even on loopback. */
  readonly plainHttp?: boolean | readonly string[] | undefined;
  readonly caFile?: string | undefined;
  readonly offline?: boolean | undefined;
  readonly auditLog?: string | undefined;
  /** Suppresses the warning about ignored keys: the command prints them itself. */
  readonly showsLeftOut?: boolean | undefined;
  /** Absolute path of the folder whose project counts, with its file; undefined: the working folder. */
  readonly projectFrom?: string | undefined;
}

export interface NamedRegistry {
  readonly prefix: RepositoryPrefix;
  readonly mirrors: readonly RepositoryPrefix[];
  /** The defining file. */
  readonly foundIn: string;
  /** True for the user's file. */
  readonly isOwn: boolean;
}

export interface Settings {
  /** Host for references without a registry. */
  readonly registry: string | undefined;
  /** {@link registry} without the project's file, for logins and writes. */
  readonly ownRegistry: string | undefined;
  /** Host that `ORAS_USER`, `ORAS_PASS` and `ORAS_TOKEN` apply to; never from a file. */
  readonly credentialRegistry: string | undefined;
  readonly registries: ReadonlyMap<string, NamedRegistry>;
  /** Demands on what is locked: the user's, then the project's. */
  readonly policies: readonly PolicyFile[];
  /** Absolute paths of project files that are ignored for their owner, so that their policies are not known. */
  readonly ignoredFiles: readonly string[];
  /** Absolute path. */
  readonly cacheDir: string;
  /**
   * True if the project's file names the cache folder, or if the folder lies in the checkout: its content may be part
   * of the checkout. True also if the target of its links is unknown.
   */
  readonly isCacheInProject: boolean;
  /** Absolute paths of the checkout's folders, with everything below. */
  readonly projectFolders: readonly string[];
  readonly retention: {
    readonly olderThanDays: number | undefined;
    readonly maxSizeBytes: number | undefined;
  };
  /** Limit of the whole command. */
  readonly timeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly idleTimeoutMs: number;
  /** Concurrent transfers. */
  readonly concurrency: number;
  /** Allows `http:` to the one registry named by a command, never to a mirror. */
  readonly allowPlainHttp: boolean;
  /** Union of the option's hosts and the user's file. */
  readonly plainHttpHosts: ReadonlySet<string>;
  /** Refuses `http:` to every host, loopback included. */
  readonly requiresTls: boolean;
  /** Loopback hosts with TLS. */
  readonly httpsHosts: ReadonlySet<string>;
  /** Hosts that only the project's file allows: they get no login. */
  readonly anonymousHttpHosts: ReadonlySet<string>;
  /** PEM file with trusted authorities in addition to Node's defaults. */
  readonly caFile: string | undefined;
  readonly isOffline: boolean;
  /** Executable that replaces the built-in pull; contract: `pull REF -o DIR --extract`. */
  readonly externalCli: string | undefined;
  /** Absolute path. */
  readonly auditLog: string | undefined;
  /** Absolute paths of the configuration files, in order of precedence. */
  readonly configFiles: readonly string[];
  /** Absolute path of the user's file; the file may be missing. */
  readonly userConfigPath: string;
  /** Ignored keys of the project's file. */
  readonly leftOut: readonly LeftOut[];
  /** Source of each setting, for `config`: an option, a variable, a file, or `default`. */
  readonly foundIn: Readonly<Record<string, string>>;
}

const defaults = { totalSeconds: 600, connectSeconds: 15, idleSeconds: 30, concurrency: 4 } as const;
/** `setTimeout` takes a signed 32-bit number of milliseconds. */
const maxTimeoutSeconds = 2_000_000;

/** The user's folder for caches: XDG on Linux, `~/Library/Caches` on macOS, `%LOCALAPPDATA%` on Windows. */
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

function fromFiles<T>(files: readonly ConfigFile[], read: (file: ConfigFile) => T | undefined): Candidate<T>[] {
  return files.map((file) => ({ foundIn: file.path, value: read(file) }));
}

/** Registries by name; entries of the project's file override none of the user's, which the boundary ensures. */
function namedRegistries(user: ConfigFile | undefined, project: ConfigFile | undefined): Map<string, NamedRegistry> {
  const named = new Map<string, NamedRegistry>();
  for (const file of [user, project]) {
    for (const [name, { prefix, mirrors = [] }] of Object.entries(file?.config.registries ?? {})) {
      named.set(name, { prefix, mirrors, foundIn: file?.path ?? "", isOwn: file === user });
    }
  }
  return named;
}

/**
 * An attacker who controls a checkout can place a link at the log's path, and control parts of the log's lines by the
 * lock.
 *
 * @throws {ConfigurationError} a link leads the log out of the project
 */
function checkAuditLog(path: string, projectFolders: readonly string[]): void {
  const isLedOut = projectFolders.some((folder) => isInside(path, folder) && leadsInside(path, folder) !== true);
  if (!isLedOut) return;
  throw new ConfigurationError("CONFIG_INVALID", `the audit log ${path} is a link that leads out of the project`, {
    hint: "name the link's target instead, or remove the link",
  });
}

/** Warns once per command; a key that another source sets needs no warning. */
function warnOfLeftOut(leftOut: readonly LeftOut[], foundIn: Readonly<Record<string, string>>, context: Context): void {
  const said = Object.keys(foundIn).filter((name) => foundIn[name] !== "default");
  const lost = leftOut.filter(
    // An ignored registry usually has its name defined in the user's file.
    ({ key }) => !key.startsWith("registries.") && !said.some((name) => name === key || name.startsWith(`${key}.`)),
  );
  if (lost.length > 0) context.log.warn(oneLine(summarizeLeftOut(lost)));
}

/**
 * @throws {UsageError} an option is out of range
 * @throws {ConfigurationError} an environment variable is unusable
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
    { foundIn: "--registry", value: optionRegistry },
    { foundIn: "BUCK2_ORAS_REGISTRY", value: registryFromEnvironment(context) },
  ];
  const plainHosts = typeof overrides.plainHttp === "object" ? overrides.plainHttp : undefined;
  const inWorkingFolder = (path: string | undefined): string | undefined =>
    path === undefined ? undefined : resolve(context.cwd, path);
  const namedCacheDir = pick("cacheDir", [
    { foundIn: "--cache-dir", value: inWorkingFolder(overrides.cacheDir) },
    { foundIn: "BUCK2_ORAS_CACHE_DIR", value: inWorkingFolder(variable(context, "BUCK2_ORAS_CACHE_DIR")) },
    ...fromFiles(files, (file) => besideFile(file, file.config.cacheDir)),
  ]);
  const cacheDir = namedCacheDir ?? join(userCacheDir(context), "buck2-oras");
  const isCacheOfProject = picker.foundIn.cacheDir === project?.path;
  // The project's retention applies only to the project's own cache.
  const ofCache = isCacheOfProject ? files : ofUser;
  const totalSeconds = pick("timeouts.totalSeconds", [
    { foundIn: "--timeout", value: timeoutSeconds },
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
      { foundIn: "--plain-http", value: plainHosts?.map(parseRegistry) },
      ...fromFiles(ofUser, ({ config }) => config.plainHttpHosts),
    ]),
  );
  const auditLog = pick("auditLog", [
    { foundIn: "--audit-log", value: inWorkingFolder(overrides.auditLog) },
    { foundIn: "BUCK2_ORAS_AUDIT_LOG", value: inWorkingFolder(variable(context, "BUCK2_ORAS_AUDIT_LOG")) },
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
  if (overrides.showsLeftOut !== true) warnOfLeftOut(leftOut, picker.foundIn, context);
  return {
    registry: pick("registry", [...named, ...fromFiles(files, ({ config }) => config.defaultRegistry)]),
    ownRegistry: [...named, { value: user?.config.defaultRegistry }].find(({ value }) => value !== undefined)?.value,
    credentialRegistry: named.find(({ value }) => value !== undefined)?.value,
    registries: namedRegistries(user, project),
    policies: readPolicies(user, project),
    ignoredFiles: found.ignored,
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
    requiresTls: overrides.plainHttp === false,
    httpsHosts: new Set(
      picker.join(
        "httpsHosts",
        fromFiles(files, ({ config }) => config.httpsHosts),
      ),
    ),
    plainHttpHosts,
    anonymousHttpHosts: new Set(
      picker.join("plainHttpHosts.withoutLogin", [
        {
          foundIn: project?.path ?? "",
          value: project?.config.plainHttpHosts?.filter((host) => !plainHttpHosts.has(host)),
        },
      ]),
    ),
    caFile: pick("caFile", [{ foundIn: "--ca-file", value: inWorkingFolder(overrides.caFile) }]),
    isOffline: overrides.offline ?? false,
    externalCli: pick("externalCli", [{ foundIn: "BUCK2_ORAS_BIN", value: variable(context, "BUCK2_ORAS_BIN") }]),
    auditLog,
    configFiles: files.map(({ path }) => path),
    userConfigPath: found.userPath,
    leftOut,
    foundIn: picker.foundIn,
  };
}
