/** Formats sizes, counts and tables for people. */
import { printable } from "../printable.ts";

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

/** Formats one line per row, with aligned columns two spaces apart and without trailing spaces. */
export function formatTable(cells: readonly (readonly string[])[]): readonly string[] {
  // Column widths count the escaped text.
  const rows = cells.map((row) => row.map(printable));
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, cell.length);
  }
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd(),
  );
}

export function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
