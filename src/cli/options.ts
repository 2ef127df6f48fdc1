/** Global options: accepted before and after the command, read once, here. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { SettingsOverrides } from "../config/settings.ts";
import type { Verbosity } from "./io.ts";

export interface GlobalOptions {
  readonly overrides: SettingsOverrides;
  readonly verbosity: Verbosity;
  readonly isJson: boolean;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !Number.isFinite(seconds) || seconds <= 0) {
    throw new InvalidArgumentError("It is a number of seconds above 0.");
  }
  return seconds;
}

const globalOptions = (): readonly Option[] => [
  new Option("--registry <host>", "registry of references that name none (BUCK2_ORAS_REGISTRY)"),
  new Option("--cache-dir <dir>", "folder of the cache (BUCK2_ORAS_CACHE_DIR)"),
  new Option("-v, --verbose", "say on stderr what is being done"),
  new Option("--quiet", "print the result and errors only"),
  new Option("--json", "print one JSON object on stdout, errors included"),
  new Option("--no-progress", "no progress bar"),
  new Option("--offline", "ask no registry: use the cache and layout folders"),
  new Option("--plain-http", "talk http to the registry (loopback does so by itself)"),
  new Option("--ca-file <file>", "PEM file with certificate authorities to trust besides the usual ones"),
  new Option("--audit-log <file>", "append a JSON line per operation (BUCK2_ORAS_AUDIT_LOG)"),
  new Option("--timeout <seconds>", "give up when the whole command takes longer (default 600)").argParser(
    parseSeconds,
  ),
];

export function addGlobalOptions(command: Command): Command {
  for (const option of globalOptions()) command.addOption(option.helpGroup("Global options:"));
  return command;
}

/** What was given on the command line; the option nearest to the command wins. */
function givenOptions(command: Command): Readonly<Record<string, unknown>> {
  const outer = command.parent === null ? {} : givenOptions(command.parent);
  const own = Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) === "cli");
  return { ...outer, ...Object.fromEntries(own) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

function flag(value: unknown): boolean | undefined {
  return typeof value === "boolean" ? value : undefined;
}

export function readGlobalOptions(command: Command): GlobalOptions {
  const given = givenOptions(command);
  const isJson = flag(given.json) ?? false;
  const isQuiet = flag(given.quiet) ?? false;
  return {
    overrides: {
      registry: text(given.registry),
      cacheDir: text(given.cacheDir),
      timeoutSeconds: typeof given.timeout === "number" ? given.timeout : undefined,
      plainHttp: flag(given.plainHttp),
      caFile: text(given.caFile),
      offline: flag(given.offline),
      auditLog: text(given.auditLog),
    },
    verbosity: {
      isVerbose: flag(given.verbose) ?? false,
      isQuiet,
      showsProgress: !isQuiet && !isJson && flag(given.progress) !== false,
    },
    isJson,
  };
}
