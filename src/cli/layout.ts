/** Output of a command as lines: wrapped on a terminal, one line each otherwise. */
import { printable } from "../printable.ts";
import { formatTable, type Table } from "./table.ts";
import { wrapLine } from "./wrap.ts";

/** A line, a table, or lines for a program or a file, which are never wrapped. */
export type Part = string | Table | { readonly code: readonly string[] };

/** A row whose columns are not aligned with others. */
export function row(...cells: readonly string[]): Part {
  return { rows: [cells] };
}

export function code(...lines: readonly string[]): Part {
  return { code: lines };
}

/** @param columns Width of the terminal; undefined without a terminal. */
export function layOut(parts: readonly Part[], columns: number | undefined): readonly string[] {
  return parts.flatMap((part) => {
    if (typeof part === "string") return wrapLine(printable(part), columns);
    return "rows" in part ? formatTable(part, columns) : part.code.map(printable);
  });
}
