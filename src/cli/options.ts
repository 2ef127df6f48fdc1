/** Global options: accepted before and after the command, read only here. */
import { type Command, InvalidArgumentError, Option } from "commander";
import type { SettingsOverrides } from "../config/settings.ts";
import { pathArgument } from "./arguments.ts";
import type { Verbosity } from "./io.ts";

export interface GlobalOptions {
  readonly overrides: SettingsOverrides;
  readonly verbosity: Verbosity;
  readonly isJson: boolean;
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (text.trim() === "" || !Number.isFinite(seconds) || seconds <= 0) {
    throw new InvalidArgumentError("Expected a number of seconds above 0.");
  }
  return seconds;
}

/**
 * Parses `--plain-http[=HOSTS]`; true without hosts: the option then applies to the only registry of the command.
 * False: no registry uses http.
 */
function parseHosts(text: string): boolean | readonly string[] {
  if (text === "" || text === "true") return true;
  if (text === "false") return false;
  const hosts = text.split(",").map((host) => host.trim());
  if (hosts.includes("")) throw new InvalidArgumentError("Expected HOST or HOST,HOST.");
  return hosts;
}

/**
 * Gives a bare `--plain-http` an empty value; otherwise Commander would read the next argument as its value.
 *
 * @param argv Arguments without the executable's name.
 */
export function withExplicitValues(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((text, index) => (text === "--plain-http" && (end === -1 || index < end) ? `${text}=` : text));
}

const globalOptions = (): readonly Option[] => [
  new Option("--registry <host>", "registry of references without a host (BUCK2_ORAS_REGISTRY)"),
  new Option("--cache-dir <dir>", "cache folder (BUCK2_ORAS_CACHE_DIR)").argParser(pathArgument),
  new Option("-v, --verbose", "print details of the work on stderr"),
  new Option("-q, --quiet", "print only the result and errors"),
  new Option("--json", "print one JSON object on stdout, errors included"),
  new Option("--no-progress", "show no progress bar"),
  new Option("--offline", "contact no registry: use only the cache and layout folders"),
  new Option(
    "--plain-http [=hosts]",
    "use http for the command's registry, or for HOST,HOST (default for loopback; =false: https there, too)",
  ).argParser(parseHosts),
  new Option("--ca-file <file>", "PEM file with additional certificate authorities to trust").argParser(pathArgument),
  new Option("--audit-log <file>", "append one JSON line per operation (BUCK2_ORAS_AUDIT_LOG)").argParser(pathArgument),
  new Option("--timeout <seconds>", "limit the time of the whole command, packing apart (default 600)").argParser(
    parseSeconds,
  ),
];

export function addGlobalOptions(command: Command): Command {
  for (const option of globalOptions()) command.addOption(option.helpGroup("Global options:"));
  return command;
}

/** Options given on the command line; the inner command's value wins over an outer value. */
function givenOptions(command: Command): Readonly<Record<string, unknown>> {
  const outer = command.parent === null ? {} : givenOptions(command.parent);
  const own = Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) === "cli");
  return { ...outer, ...Object.fromEntries(own) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Narrows a result of {@link parseHosts}. */
function flagOrList(value: unknown): boolean | readonly string[] | undefined {
  return Array.isArray(value) ? value.map(String) : flag(value);
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
      plainHttp: flagOrList(given.plainHttp),
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
