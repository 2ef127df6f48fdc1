/**
 * Buck2's configuration files, as far as `init` reads and extends them. The author of the checkout writes them.
 *
 * @see https://buck2.build/docs/concepts/buckconfig/
 */

import { lstat, readdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { leadsInside } from "../config/inside.ts";
import { readTextFile } from "../files/change-text.ts";

/** Values by section and key, after all files; later files win. */
export interface BuckConfig {
  readonly get: (section: string, key: string) => string | undefined;
  readonly section: (section: string) => ReadonlyMap<string, string>;
  /** Included files that were not read: they lie outside the project, or are missing. */
  readonly unread: readonly string[];
}

type Sections = Map<string, Map<string, string>>;

/** Includes may form a circle. */
const maxDepth = 10;

interface Statement {
  readonly text: string;
  /** Number of the statement's last line, from 0. */
  readonly lastLine: number;
}

/** Lines without blanks around them, comments and empty lines; a final backslash joins lines. */
function statementsOf(text: string): readonly Statement[] {
  const found: Statement[] = [];
  let open = "";
  let isOpen = false;
  for (const [lastLine, line] of text.split("\n").entries()) {
    const joined: string = isOpen ? open + line.trim() : line.trim();
    isOpen = joined.endsWith("\\");
    open = isOpen ? joined.slice(0, -1) : "";
    if (!isOpen && joined !== "" && !/^[#;]/.test(joined)) found.push({ text: joined, lastLine });
  }
  return found;
}

/** Name of a section; a comment may follow the header. */
function headerOf(text: string): string | undefined {
  return /^\[([^\]]*)\](?: #.*)?$/.exec(text)?.[1];
}

interface Reading {
  readonly sections: Sections;
  readonly unread: string[];
  /** The project's root; files outside are not read. */
  readonly root: string;
  current: string;
}

async function readInto(path: string, reading: Reading, depth: number): Promise<void> {
  const isAllowed = depth < maxDepth && leadsInside(path, reading.root) === true;
  const text = isAllowed ? await readTextFile(path).catch(() => undefined) : undefined;
  if (text === undefined) {
    const isThere = await lstat(path).then(
      () => true,
      () => false,
    );
    if (depth > 0 || isThere) reading.unread.push(path);
    return;
  }
  for (const { text: line } of statementsOf(text)) {
    const header = headerOf(line);
    const include = /^<\??file:(.+)>$/.exec(line)?.[1];
    const [, key, value] = /^([^=]+?)\s*=\s*(.*)$/.exec(line) ?? [];
    if (header !== undefined) reading.current = header;
    else if (key !== undefined && value !== undefined) {
      const section = reading.sections.get(reading.current) ?? new Map<string, string>();
      reading.sections.set(reading.current, section.set(key, value));
    } else if (include !== undefined) await readInto(resolve(dirname(path), include), reading, depth + 1);
  }
}

/** Reads the files of a cell: `.buckconfig.d/`, `.buckconfig` and `.buckconfig.local`, with their includes. */
export async function readBuckConfig(folder: string, root: string): Promise<BuckConfig> {
  const sections: Sections = new Map();
  const unread: string[] = [];
  const extra = join(folder, ".buckconfig.d");
  const names = (await readdir(extra).catch(() => [])).sort().map((name) => join(extra, name));
  for (const path of [...names, join(folder, ".buckconfig"), join(folder, ".buckconfig.local")]) {
    await readInto(path, { sections, unread, root, current: "" }, 0);
  }
  const section = (name: string): ReadonlyMap<string, string> => sections.get(name) ?? new Map();
  return { section, get: (name, key) => section(name).get(key), unread };
}

/** Names of build files in order of precedence, as Buck2 reads them in a cell with this configuration. */
export function buildFileNames(config: BuckConfig): readonly string[] {
  const names = (value: string): string[] => value.split(",").flatMap((name) => name.trim() || []);
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
