/** Formats sizes, counts and tables for people. */
import { printable } from "../printable.ts";
import { padTo, widthOf } from "./text-width.ts";
import { fitsBeside, flow, hasWidth, wrapLast } from "./wrap.ts";

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

/** Widths of the columns; a row that fits into no line of the terminal does not count. */
function columnWidths(rows: readonly (readonly string[])[], columns: number | undefined): readonly number[] {
  const isRegular = (row: readonly string[]): boolean =>
    columns === undefined || fitsBeside("", widthOf(row.slice(0, -1).join("  ")) + 2, columns);
  const regular = rows.some(isRegular) ? rows.filter(isRegular) : rows;
  const widths: number[] = [];
  for (const row of regular) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  return widths;
}

/**
 * Formats rows with aligned columns two spaces apart and without trailing spaces.
 *
 * @param terminal Width in characters: a longer last column is wrapped between words, and cells that do not fit beside
 *   each other are put below. Undefined: one line per row.
 */
export function formatTable(cells: readonly (readonly string[])[], terminal?: number): readonly string[] {
  const columns = hasWidth(terminal) ? terminal : undefined;
  // Column widths count the escaped text.
  const rows = cells.map((row) => row.map(printable));
  const widths = columnWidths(rows, columns);
  return rows.flatMap((row) => {
    const padded = row.map((cell, column) => padTo(cell, widths[column] ?? 0));
    const line = padded.join("  ").trimEnd();
    if (columns === undefined || widthOf(line) < columns) return [line];
    const head = padded
      .slice(0, -1)
      .map((cell) => `${cell}  `)
      .join("");
    return widthOf(head.trimEnd()) < columns ? wrapLast(head, row.at(-1) ?? "", columns) : flow(row, columns);
  });
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
