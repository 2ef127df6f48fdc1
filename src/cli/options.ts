/** Global options: accepted before and after the command, read once, here. */
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
    throw new InvalidArgumentError("It is a number of seconds above 0.");
  }
  return seconds;
}

/** Alone it is for the registry of the command, whichever that is. */
function parseHosts(text: string): boolean | readonly string[] {
  if (text === "") return true;
  const hosts = text.split(",").map((host) => host.trim());
  if (hosts.includes("")) throw new InvalidArgumentError("It is HOST or HOST,HOST.");
  return hosts;
}

/**
 * Gives `--plain-http` an empty value when it stands alone, or Commander would take the argument behind it for one.
 *
 * @param argv Arguments without the executable's name.
 */
export function withExplicitValues(argv: readonly string[]): string[] {
  const end = argv.indexOf("--");
  return argv.map((text, index) => (text === "--plain-http" && (end === -1 || index < end) ? `${text}=` : text));
}

const globalOptions = (): readonly Option[] => [
  new Option("--registry <host>", "registry of references that name none (BUCK2_ORAS_REGISTRY)"),
  new Option("--cache-dir <dir>", "folder of the cache (BUCK2_ORAS_CACHE_DIR)").argParser(pathArgument),
  new Option("-v, --verbose", "say on stderr what is being done"),
  new Option("--quiet", "print the result and errors only"),
  new Option("--json", "print one JSON object on stdout, errors included"),
  new Option("--no-progress", "no progress bar"),
  new Option("--offline", "ask no registry: use the cache and layout folders"),
  new Option(
    "--plain-http [=hosts]",
    "talk http to the registry, or to these: HOST,HOST (loopback does so by itself)",
  ).argParser(parseHosts),
  new Option("--ca-file <file>", "PEM file with certificate authorities to trust besides the usual ones").argParser(
    pathArgument,
  ),
  new Option("--audit-log <file>", "append a JSON line per operation (BUCK2_ORAS_AUDIT_LOG)").argParser(pathArgument),
  new Option("--timeout <seconds>", "give up when the whole command takes longer (default 600)").argParser(
    parseSeconds,
  ),
];

export function addGlobalOptions(command: Command): Command {
  for (const option of globalOptions()) command.addOption(option.helpGroup("Global options:"));
  return command;
}

/** Options of the command line; the one nearest to the command wins. */
function givenOptions(command: Command): Readonly<Record<string, unknown>> {
  const outer = command.parent === null ? {} : givenOptions(command.parent);
  const own = Object.entries(command.opts()).filter(([name]) => command.getOptionValueSource(name) === "cli");
  return { ...outer, ...Object.fromEntries(own) };
}

function text(value: unknown): string | undefined {
  return typeof value === "string" ? value : undefined;
}

/** Either kind of {@link parseHosts}'s result. */
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
