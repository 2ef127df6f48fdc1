/** Formats sizes, counts and tables for people. */
import { printable } from "../printable.ts";
import { padTo, widthOf } from "./text-width.ts";

const units = ["B", "kB", "MB", "GB", "TB"] as const;

/** Formats bytes in decimal units, with at most three digits: `10.2 MB`. */
export function formatBytes(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 999.5 && unit < units.length - 1) {
    value /= 1000;
    unit += 1;
  }
  const digits = unit === 0 || value >= 99.95 ? 0 : 1;
  return `${value.toFixed(digits)} ${units[unit]}`;
}

/** Minimum width for a wrapped last column; a narrower column goes below its row. */
const minWrapColumns = 20;
const belowRow = "    ";

/**
 * Formats rows with aligned columns two spaces apart and without trailing spaces.
 *
 * @param columns Width of the terminal in characters: a longer last column is wrapped between words, so that a digest
 *   stays in one piece. Undefined: one line per row.
 */
export function formatTable(cells: readonly (readonly string[])[], columns?: number): readonly string[] {
  // Column widths count the escaped text.
  const rows = cells.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  return rows.flatMap((row) => {
    const padded = row.map((cell, column) => padTo(cell, widths[column] ?? 0));
    const line = padded.join("  ").trimEnd();
    if (columns === undefined || widthOf(line) < columns) return [line];
    const head = padded.slice(0, -1).map((cell) => `${cell}  `);
    return wrapLast(head.join(""), row.at(-1) ?? "", columns);
  });
}

/** Wraps text between words. @param columns Undefined: one line. */
export function wrapText(text: string, columns: number | undefined): readonly string[] {
  return columns === undefined ? [text] : wrapLast("", text, columns);
}

/** Wraps `text` beside `head`, or below `head` if the words do not fit beside it. */
export function wrapLast(head: string, text: string, columns: number): readonly string[] {
  if (columns === Number.POSITIVE_INFINITY) return [head + text];
  const words = text.split(" ");
  const headWidth = widthOf(head);
  const longest = words.reduce((most, word) => Math.max(most, widthOf(word)), 0);
  const isBeside = columns - headWidth > Math.max(longest, minWrapColumns - 1);
  const indent = isBeside ? " ".repeat(headWidth) : belowRow;
  const lines: string[] = [];
  for (const word of words) {
    const longer = lines.length === 0 ? undefined : `${lines.at(-1)} ${word}`;
    if (longer === undefined || indent.length + widthOf(longer) >= columns) lines.push(word);
    else lines[lines.length - 1] = longer;
  }
  if (!isBeside) return [head.trimEnd(), ...lines.map((one) => indent + one)];
  return lines.map((one, index) => (index === 0 ? head : indent) + one);
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
