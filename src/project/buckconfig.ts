/**
 * Buck2's configuration files, as far as `init` reads and extends them. The author of the checkout writes them: what
 * reads them takes time in proportion to their length.
 *
 * @see https://buck2.build/docs/concepts/buckconfig/
 */

import { lstat, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { leadsInside } from "../config/inside.ts";
import { ConfigurationError } from "../errors.ts";
import { readTextFile } from "../files/change-text.ts";
import { maxFileBytes } from "./text-file.ts";

/** Values by section and key, after all files; later files win. */
export interface BuckConfig {
  readonly get: (section: string, key: string) => string | undefined;
  readonly section: (section: string) => ReadonlyMap<string, string>;
  /** Included files that were not read: they lie outside the project, or are missing. */
  readonly unread: readonly string[];
}

type Sections = Map<string, Map<string, string>>;

/** Limit of nested includes. */
const maxDepth = 10;

/** Files that include each other several times are read often, though each is short and no path is deep. */
const maxReads = 1000;

/** Characters of all files together, those that are read again included. */
const maxTotal = 16 * 1024 * 1024;

interface Statement {
  readonly text: string;
  /** Number of the statement's last line, from 0. */
  readonly lastLine: number;
}

/** Lines without blanks around them, comments and empty lines; a final backslash joins lines. */
function statementsOf(text: string): readonly Statement[] {
  const found: Statement[] = [];
  let open: string[] = [];
  for (const [lastLine, line] of text.split("\n").entries()) {
    const trimmed = line.trim();
    if (trimmed.endsWith("\\")) {
      open.push(trimmed.slice(0, -1));
      continue;
    }
    const joined = [...open, trimmed].join("");
    open = [];
    if (joined !== "" && !/^[#;]/.test(joined)) found.push({ text: joined, lastLine });
  }
  return found;
}

/** Name of a section; a comment may follow the header. */
function headerOf(text: string): string | undefined {
  return /^\[([^\]]*)\](?: #.*)?$/.exec(text)?.[1];
}

/** Key and value, without the blanks around them. */
function settingOf(text: string): readonly [string, string] | undefined {
  const at = text.indexOf("=");
  return at < 1 ? undefined : [text.slice(0, at).trim(), text.slice(at + 1).trim()];
}

/** A budget of all files of one configuration. */
interface Budget {
  reads: number;
  characters: number;
}

function spend(budget: Budget, cost: Partial<Budget>, root: string): void {
  budget.reads += cost.reads ?? 0;
  budget.characters += cost.characters ?? 0;
  if (budget.reads <= maxReads && budget.characters <= maxTotal) return;
  throw new ConfigurationError("CONFIG_INVALID", `the configuration of ${root} includes too many files, or too long`, {
    hint: `remove includes: ${maxReads} files are read, with ${maxTotal / 1024 ** 2} MiB altogether`,
  });
}

interface Reading {
  readonly sections: Sections;
  readonly unread: string[];
  /** The project's root; files outside are not read. */
  readonly root: string;
  readonly budget: Budget;
  readonly signal: AbortSignal;
  current: string;
}

/** @param above The files whose includes lead here. */
async function readInto(path: string, reading: Reading, above: readonly string[]): Promise<void> {
  if (above.includes(path)) return;
  const { root, budget, signal } = reading;
  signal.throwIfAborted();
  spend(budget, { reads: 1 }, root);
  const depth = above.length;
  const isAllowed = depth < maxDepth && leadsInside(path, root) === true;
  const text = isAllowed ? await readTextFile(path, maxFileBytes).catch(() => undefined) : undefined;
  if (text === undefined) {
    const isThere = await lstat(path).then(
      () => true,
      () => false,
    );
    if (depth > 0 || isThere) reading.unread.push(path);
    return;
  }
  spend(budget, { characters: text.length }, root);
  for (const { text: line } of statementsOf(text)) {
    const header = headerOf(line);
    const include = /^<\??file:(.+)>$/.exec(line)?.[1];
    const setting = settingOf(line);
    if (header !== undefined) reading.current = header;
    else if (include !== undefined) await readInto(resolve(dirname(path), include), reading, [...above, path]);
    else if (setting !== undefined) {
      const section = reading.sections.get(reading.current) ?? new Map<string, string>();
      reading.sections.set(reading.current, section.set(...setting));
    }
  }
}

/**
 * Reads the files of a cell: `.buckconfig.d/`, `.buckconfig` and `.buckconfig.local`, with their includes.
 *
 * @throws {ConfigurationError} too many includes
 */
export async function readBuckConfig(folder: string, root: string, signal: AbortSignal): Promise<BuckConfig> {
  const sections: Sections = new Map();
  const unread: string[] = [];
  const extra = join(folder, ".buckconfig.d");
  const names = (await readdir(extra).catch(() => [])).sort().map((name) => join(extra, name));
  const budget: Budget = { reads: 0, characters: 0 };
  for (const path of [...names, join(folder, ".buckconfig"), join(folder, ".buckconfig.local")]) {
    await readInto(path, { sections, unread, root, budget, signal, current: "" }, []);
  }
  const section = (name: string): ReadonlyMap<string, string> => sections.get(name) ?? new Map();
  return { section, get: (name, key) => section(name).get(key), unread };
}

function checkedName(name: string): string {
  if (!/[/\\\0]/.test(name) && name !== "." && name !== "..") return name;
  throw new ConfigurationError("CONFIG_INVALID", `the project's \`[buildfile]\` has ${JSON.stringify(name)}, a path`, {
    hint: "name build files without folders in .buckconfig, such as `name = BUCK`",
  });
}

/**
 * Names of build files in order of precedence, as Buck2 reads them in a cell with this configuration.
 *
 * @throws {ConfigurationError} a path instead of a name
 */
export function buildFileNames(config: BuckConfig): readonly string[] {
  const names = (value: string): string[] => value.split(",").flatMap((name) => checkedName(name.trim()) || []);
  const exact = config.get("buildfile", "name_v2");
  if (exact !== undefined) return names(exact);
  return names(config.get("buildfile", "name") ?? "BUCK").flatMap((name) => [`${name}.v2`, name]);
}

/**
 * Adds lines to a section: after its last statement, or as a new section at the end. Existing lines stay as they are.
 *
 * @param text With `\n` as line ends.
 * @param added Such as `oras = git`.
 */
export function withLines(text: string, section: string, added: readonly string[]): string {
  const lines = text.split("\n");
  const lastOf = lastLineOf(text, section);
  if (lastOf !== undefined) return lines.toSpliced(lastOf + 1, 0, ...added.map((line) => `  ${line}`)).join("\n");
  const before = text === "" || text.endsWith("\n") ? text : `${text}\n`;
  const gap = before === "" || before.endsWith("\n\n") ? "" : "\n";
  return `${before}${gap}[${section}]\n${added.map((line) => `  ${line}\n`).join("")}`;
}

/** Number of the last line of a section's last block; an included file may begin another section, so a block ends there. */
function lastLineOf(text: string, section: string): number | undefined {
  let last: number | undefined;
  let isInside = false;
  for (const { text: line, lastLine } of statementsOf(text)) {
    const header = headerOf(line);
    if (header !== undefined) isInside = header === section;
    else if (line.startsWith("<")) isInside = false;
    if (isInside) last = lastLine;
  }
  return last;
}
