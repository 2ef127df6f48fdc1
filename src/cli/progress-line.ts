/** Layout of the line of one transfer: name, bar, percentage, sizes, speed and time left, as the width allows. */
import { printable } from "../printable.ts";
import { formatBytes } from "./format.ts";
import { endWithin, padTo, startWithin, widthOf } from "./text-width.ts";

const maxLabelColumns = 40;
/** Columns of ` 100%`, of ` 99.9 MB/99.9 MB`, and of ` 99.9 MB/s 59 min`, with the leading spaces. */
const percentColumns = 5;
const sizesColumns = 16;
const speedColumns = 18;
/** Minimum widths in characters: a narrower line omits speed and time left, then the bar, then the sizes. */
const minColumnsForSpeed = 76;
const minColumnsForBar = 56;
const minColumnsForSizes = percentColumns + sizesColumns + 9;

export interface LineState {
  readonly label: string;
  readonly doneBytes: number;
  readonly totalBytes: number;
  /** Undefined until it is known. */
  readonly bytesPerSecond: number | undefined;
}

/** Shortens in the middle: the beginning says what it is, and names differ at their ends, which get two thirds. */
export function shorten(name: string, columns: number): string {
  const label = printable(name);
  if (widthOf(label) <= columns) return label;
  const start = startWithin(label, Math.floor((columns - 1) / 3)).trimEnd();
  return `${start}…${endWithin(label, columns - 1 - widthOf(start)).trimStart()}`;
}

/** Formats a duration in one unit: `8 s`, `12 min`, `3 h`. */
export function formatDuration(seconds: number): string {
  if (seconds < 99.5) return `${Math.ceil(seconds)} s`;
  return seconds < 99.5 * 60 ? `${Math.round(seconds / 60)} min` : `${Math.round(seconds / 3600)} h`;
}

function speedOf({ doneBytes, totalBytes, bytesPerSecond }: LineState): string {
  if (bytesPerSecond === undefined || bytesPerSecond < 1) return "";
  const left = formatDuration((totalBytes - doneBytes) / bytesPerSecond);
  return ` ${formatBytes(bytesPerSecond)}/s ${left}`;
}

/** @param columns Width of the terminal; the last column stays free, since a terminal may wrap after a full line. */
export function formatLine(state: LineState, columns: number): string {
  const { label, doneBytes, totalBytes } = state;
  const ratio = totalBytes === 0 ? 1 : Math.min(1, Math.max(0, doneBytes / totalBytes));
  const percent = ` ${Math.floor(ratio * 100)}%`;
  const sizes = ` ${formatBytes(doneBytes)}/${formatBytes(totalBytes)}`;
  const forLabel = columns - 1 - percentColumns;
  const named = (width: number): string => padTo(shorten(label, width), width);
  if (columns < minColumnsForSizes) return `${named(Math.max(1, forLabel))}${percent}`;
  if (columns < minColumnsForBar) return `${named(forLabel - sizesColumns)}${percent}${sizes}`;
  const hasSpeed = columns >= minColumnsForSpeed;
  const free = forLabel - sizesColumns - 1 - (hasSpeed ? speedColumns : 0);
  const labelColumns = Math.min(maxLabelColumns, Math.floor(free / 2));
  const barColumns = free - labelColumns;
  const done = Math.round(ratio * barColumns);
  const bar = "=".repeat(done) + "-".repeat(barColumns - done);
  return `${named(labelColumns)} ${bar}${percent}${sizes}${hasSpeed ? speedOf(state) : ""}`;
}
