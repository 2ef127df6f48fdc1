/** Changes of a lock as Markdown, for a pull request or a commit message: one table, bounded. Strangers write the values. */
import type { LockChange, PlatformChange } from "../locking/lock-change.ts";
import { plural } from "./format.ts";
import { type Aspect, aspectsOf, sizesOf } from "./lock-changes.ts";
import { markdownCode, markdownRow } from "./markdown.ts";

/**
 * GitHub refuses a text of more than 65,536 characters, and other forges take more. The rest is for the lines that a
 * person or a bot adds.
 */
const maxBytes = 60_000;
/** Left tools that are named below the table. */
const maxLeft = 10;

type Column = Exclude<Aspect["name"], "version"> | "size";

const headings: Readonly<Record<Column, string>> = {
  size: "Size",
  "signed by": "Signed by",
  source: "Source",
  "source check": "Source check",
  licences: "Licences",
  published: "Published",
};
const columns: readonly Column[] = ["size", "signed by", "source", "source check", "licences", "published"];

const words: Readonly<Record<PlatformChange["change"], string>> = {
  added: "new, ",
  removed: "gone, ",
  changed: "",
  unchanged: "",
};

function sizeCell({ platformChanges }: LockChange): string {
  return platformChanges
    .filter(({ change }) => change !== "unchanged")
    .map((one) => `${markdownCode(one.platform)} ${words[one.change]}${sizesOf(one)}`)
    .join("<br>");
}

function aspectCell(aspect: Aspect | undefined): string {
  if (aspect === undefined) return "";
  const [before, now] = [aspect.before, aspect.now].map((text) =>
    text === undefined ? undefined : markdownCode(text),
  );
  if (before === undefined || aspect.before === aspect.now) return now ?? "";
  return `${before} → ${now ?? "none"}`;
}

interface Row {
  readonly tool: string;
  readonly version: string;
  readonly cells: Readonly<Record<Column, string>>;
}

function rowOf(change: LockChange, now: number): Row {
  const aspects = aspectsOf(change, now);
  const cell = (name: Aspect["name"]): string => aspectCell(aspects.find((one) => one.name === name));
  const { tool } = change;
  const cells = {
    size: sizeCell(change),
    "signed by": cell("signed by"),
    source: cell("source"),
    "source check": cell("source check"),
    licences: cell("licences"),
    published: cell("published"),
  };
  return { tool: markdownCode(tool), version: cell("version"), cells };
}

/** The rows that fit, and a line on the others. */
function within(head: readonly string[], rows: readonly string[], rest: readonly string[]): readonly string[] {
  const more = (count: number): string => `${plural(count, "further change")} stand in the diff of the lock alone.`;
  let free = maxBytes - Buffer.byteLength([...head, ...rest, more(rows.length)].join("\n"));
  const fitting = rows.findIndex((row) => {
    free -= Buffer.byteLength(row) + 1;
    return free < 0;
  });
  if (fitting === -1) return [...head, ...rows, ...rest];
  return [...head, ...rows.slice(0, fitting), "", more(rows.length - fitting), ...rest];
}

function leftLines(changes: readonly LockChange[]): readonly string[] {
  const left = changes.flatMap((one) => (one.left === undefined ? [] : [{ ...one.left, tool: one.tool }]));
  if (left.length === 0) return [];
  const more = left.length > maxLeft ? [`- and ${left.length - maxLeft} more`] : [];
  const lines = left.slice(0, maxLeft).map(({ tool, reason }) => `- ${markdownCode(tool)}: ${markdownCode(reason)}`);
  return ["", "Left for the next run, since the new version is too young:", "", ...lines, ...more];
}

/** @param now Milliseconds since 1970. */
export function changesAsMarkdown(changes: readonly LockChange[], now: number): readonly string[] {
  const changed = changes.filter(({ change }) => change === "added" || change === "updated");
  const rest = leftLines(changes);
  if (changed.length === 0) return ["No tool changed.", ...rest];
  const rows = changed.map((change) => rowOf(change, now));
  const shown = columns.filter((column) => rows.some(({ cells }) => cells[column] !== ""));
  const head = markdownRow(["Tool", "Version", ...shown.map((column) => headings[column])]);
  const rule = markdownRow(["---", "---", ...shown.map(() => "---")]);
  const lines = rows.map(({ tool, version, cells }) =>
    markdownRow([tool, version, ...shown.map((column) => cells[column])]),
  );
  const others = changes.length - changed.length;
  const summary = `${plural(changed.length, "tool")} changed${others === 0 ? "" : `, ${others} did not`}.`;
  return within([summary, "", head, rule], lines, rest);
}
