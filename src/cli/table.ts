/** Tables for people: aligned columns, and another form where a terminal is too narrow for them. */
import { printable } from "../printable.ts";
import { padTo, widthOf } from "./text-width.ts";
import { fitsBeside, flow, hasWidth, wrapLast } from "./wrap.ts";

/** A text, or several lines of one column. */
type Cell = string | readonly string[];

export interface Table {
  /** Names of the columns, shown above them. */
  readonly heads?: readonly string[];
  readonly rows: readonly (readonly Cell[])[];
}

const gap = "  ";

/** True for a cell that says nothing without its column. */
function isVoid(text: string): boolean {
  return text === "" || text === "-";
}

function linesOf(cell: Cell): readonly string[] {
  return (typeof cell === "string" ? [cell] : cell).map(printable);
}

/** A line for each line of the row's highest cell. */
function linesOfRow(row: readonly Cell[]): readonly (readonly string[])[] {
  const cells = row.map(linesOf);
  const height = Math.max(1, ...cells.map((lines) => lines.length));
  return Array.from({ length: height }, (_, line) => cells.map((lines) => lines[line] ?? ""));
}

/** Columns in front of the last cell. */
function columnsBeforeLast(row: readonly string[]): number {
  return widthOf(row.slice(0, -1).join(gap)) + gap.length;
}

function widthsOf(rows: readonly (readonly string[])[]): readonly number[] {
  const widths: number[] = [];
  for (const row of rows) {
    for (const [column, cell] of row.entries()) widths[column] = Math.max(widths[column] ?? 0, widthOf(cell));
  }
  return widths;
}

function padded(row: readonly string[], widths: readonly number[]): readonly string[] {
  return row.map((cell, column) => padTo(cell, widths[column] ?? 0));
}

/** One line, or several if the last cell is wrapped beside the others. */
function aligned(row: readonly string[], widths: readonly number[], columns: number | undefined): readonly string[] {
  const cells = padded(row, widths);
  const line = cells.join(gap).trimEnd();
  if (columns === undefined || widthOf(line) < columns) return [line];
  const head = cells
    .slice(0, -1)
    .map((cell) => cell + gap)
    .join("");
  return wrapLast(head, row.at(-1) ?? "", columns);
}

/** Each row apart, each cell beside the name of its column: cells that are put below each other would belong to none. */
function records({ heads = [], rows }: Table, columns: number): readonly string[] {
  return rows.flatMap((row) =>
    row.flatMap((cell, column) =>
      linesOf(cell)
        .filter((text) => column === 0 || !isVoid(text))
        .flatMap((text) => wrapLast(`${column === 0 ? "" : gap}${heads[column] ?? ""}: `, text, columns)),
    ),
  );
}

/** With the names of the columns above them, or as records if a row does not fit. */
function headed(table: Table, columns: number | undefined): readonly string[] {
  const { heads = [], rows } = table;
  const lines = [heads, ...rows].flatMap(linesOfRow);
  const widths = widthsOf(lines);
  const fits = (line: readonly string[], most: number): boolean => {
    const cells = padded(line, widths);
    if (widthOf(cells.join(gap).trimEnd()) < most) return true;
    return fitsBeside(line.at(-1) ?? "", columnsBeforeLast(cells), most);
  };
  return columns === undefined || lines.every((line) => fits(line, columns))
    ? lines.flatMap((line) => aligned(line, widths, columns))
    : records(table, columns);
}

/** Widths of the columns; a row that fits into no line of the terminal does not count. */
function usualWidths(rows: readonly (readonly string[])[], columns: number | undefined): readonly number[] {
  const isUsual = (row: readonly string[]): boolean =>
    columns === undefined || fitsBeside("", columnsBeforeLast(row), columns);
  return widthsOf(rows.some(isUsual) ? rows.filter(isUsual) : rows);
}

/**
 * Formats rows with aligned columns two spaces apart and without trailing spaces.
 *
 * @param terminal Width in characters: a longer last column is wrapped between words. Where that is not enough, a table with
 *   names of columns is shown as records, and the cells of any other row are put below. Undefined: no line is wrapped.
 */
export function formatTable(table: Table, terminal?: number): readonly string[] {
  const columns = hasWidth(terminal) ? terminal : undefined;
  if (table.heads !== undefined) return headed(table, columns);
  const widths = usualWidths(table.rows.flatMap(linesOfRow), columns);
  return table.rows.flatMap((row) => {
    const lines = linesOfRow(row);
    const fits = (line: readonly string[], most: number): boolean =>
      widthOf(padded(line, widths).slice(0, -1).join(gap).trimEnd()) < most;
    if (columns === undefined || lines.every((line) => fits(line, columns))) {
      return lines.flatMap((line) => aligned(line, widths, columns));
    }
    const [first = "", ...others] = row.flatMap(linesOf);
    return flow([first, ...others.filter((text) => !isVoid(text))], columns);
  });
}
