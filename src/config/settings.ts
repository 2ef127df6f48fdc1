/**
 * Settings: command-line options first, then environment variables, then defaults. Read once, here; what is below gets
 * required, parsed values.
 */
import { join, resolve } from "node:path";
import type { Context } from "../context.ts";
import { ConfigurationError, UsageError } from "../errors.ts";
import { parseRegistry } from "../model/reference.ts";

/** What the caller (command line or library) asked for; undefined means "not said". */
export interface SettingsOverrides {
  readonly registry?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly timeoutSeconds?: number | undefined;
  readonly plainHttp?: boolean | undefined;
  readonly caFile?: string | undefined;
  readonly offline?: boolean | undefined;
}

export interface Settings {
  /** Host for references that name none. */
  readonly registry: string | undefined;
  /** Absolute path. */
  readonly cacheDir: string;
  /** For the whole command. */
  readonly timeoutMs: number;
  /** `http:` is allowed to hosts that are not on loopback, too. */
  readonly allowPlainHttp: boolean;
  /** PEM file with the authorities to trust besides Node's own. */
  readonly caFile: string | undefined;
  readonly isOffline: boolean;
  /** Executable with the `pull REF -o DIR --extract` contract that pulls in our place. */
  readonly externalCli: string | undefined;
}

const defaultTimeoutSeconds = 600;
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

function defaultRegistry(overrides: SettingsOverrides, context: Context): string | undefined {
  if (overrides.registry !== undefined) return parseRegistry(overrides.registry);
  const fromEnvironment = variable(context, "BUCK2_ORAS_REGISTRY");
  if (fromEnvironment === undefined) return undefined;
  try {
    return parseRegistry(fromEnvironment);
  } catch (cause) {
    throw new ConfigurationError("CONFIG_INVALID", "BUCK2_ORAS_REGISTRY is not a registry", {
      cause,
      hint: "set it to a host with an optional port, such as ghcr.io or localhost:5000",
    });
  }
}

/**
 * @throws {UsageError} for an option out of range
 * @throws {ConfigurationError} for an environment variable that cannot be used
 */
export function readSettings(overrides: SettingsOverrides, context: Context): Settings {
  const timeoutSeconds = overrides.timeoutSeconds ?? defaultTimeoutSeconds;
  if (!(timeoutSeconds > 0 && timeoutSeconds <= maxTimeoutSeconds)) {
    throw new UsageError("USAGE_INVALID", `a timeout of ${timeoutSeconds} seconds is out of range`, {
      hint: `give --timeout a number above 0 and up to ${maxTimeoutSeconds}`,
    });
  }
  const cacheDir =
    overrides.cacheDir ?? variable(context, "BUCK2_ORAS_CACHE_DIR") ?? join(userCacheDir(context), "buck2-oras");
  return {
    registry: defaultRegistry(overrides, context),
    cacheDir: resolve(cacheDir),
    timeoutMs: Math.ceil(timeoutSeconds * 1000),
    allowPlainHttp: overrides.plainHttp ?? false,
    caFile: overrides.caFile,
    isOffline: overrides.offline ?? false,
    externalCli: variable(context, "BUCK2_ORAS_BIN"),
  };
}
