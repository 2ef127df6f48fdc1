/** Wrapping at the width of a terminal: between words, never within a digest, a reference, a path or `a command`. */
import { printable } from "../printable.ts";
import { widthOf } from "./text-width.ts";

/** Minimum width for text beside something; narrower text goes below. */
const minBesideColumns = 20;
const indentBelow = 4;
/** Terminals that report fewer columns do not know their width. */
const minColumns = 10;

/** A stretch without blanks; blanks between backticks count as no blanks. */
const stretch = /(?:`[^`]*`|\S)+/g;

/** @param most Width in columns: a longer command in backticks is several words. */
function wordsOf(text: string, most: number): readonly string[] {
  return (text.match(stretch) ?? []).flatMap((one) => (widthOf(one) > most ? one.split(/\s+/) : [one]));
}

function leadOf(line: string): string {
  return /^ */.exec(line)?.[0] ?? "";
}

/**
 * Appends words to `first`, then to further lines. A long word takes columns of the indent where that saves it from being
 * broken; a word without any line of its own keeps the indent, so that it does not look like the next item.
 */
function filled(first: string, words: readonly string[], indent: number, columns: number): readonly string[] {
  const lines = [first];
  let isEmpty = true;
  for (const word of words) {
    const line = lines.at(-1) ?? "";
    const longer = isEmpty ? line + word : `${line} ${word}`;
    const spare = columns - 1 - widthOf(word);
    const free = spare < 0 ? indent : spare;
    if (widthOf(longer) < columns) lines[lines.length - 1] = longer;
    else if (isEmpty && line.trim() === "") lines[0] = line.slice(0, free) + word;
    else lines.push(" ".repeat(Math.min(indent, free)) + word);
    isEmpty = false;
  }
  // Once more after the wrapping: a command of a CI runner may come to the beginning of a line.
  return lines.map((line) => printable(line.trimEnd()));
}

/** True if text is to be wrapped. @param columns Undefined without a terminal. */
export function hasWidth(columns: number | undefined): columns is number {
  return columns !== undefined && columns >= minColumns;
}

/**
 * Wraps an escaped line; its leading blanks stay.
 *
 * @param columns Width of the terminal; undefined without a terminal: one line.
 * @param hanging Further columns in front of the lines after the first.
 */
export function wrapLine(line: string, columns: number | undefined, hanging = 2): readonly string[] {
  if (!hasWidth(columns) || widthOf(line) < columns) return [line];
  const lead = leadOf(line);
  const indent = lead.length + hanging;
  return filled(lead, wordsOf(line, columns - 1 - indent), indent, columns);
}

/** True if every word of the text fits beside something. */
export function fitsBeside(text: string, headColumns: number, columns: number): boolean {
  const longest = wordsOf(text, 0).reduce((most, word) => Math.max(most, widthOf(word)), 0);
  return columns - headColumns > Math.max(longest, minBesideColumns - 1);
}

/** Wraps `text` beside `head`, or below `head` if the words do not fit beside it. */
export function wrapLast(head: string, text: string, columns: number | undefined): readonly string[] {
  if (!hasWidth(columns)) return [head + text];
  const headColumns = widthOf(head);
  if (fitsBeside(text, headColumns, columns)) {
    return filled(head, wordsOf(text, columns - 1 - headColumns), headColumns, columns);
  }
  const indent = leadOf(head).length + indentBelow;
  const below = filled(" ".repeat(indent), wordsOf(text, columns - 1 - indent), indent, columns);
  return [...wrapLine(head.trimEnd(), columns), ...below];
}

/** Puts cells one after the other, two blanks apart, into as many lines as they need. */
export function flow(cells: readonly string[], columns: number): readonly string[] {
  const lines: string[] = [];
  for (const cell of cells) {
    const beside = lines.length === 0 ? cell : `${lines.at(-1)}  ${cell}`;
    if (widthOf(beside) < columns && lines.length > 0) lines[lines.length - 1] = beside;
    else lines.push(...wrapLine(lines.length === 0 ? cell : " ".repeat(indentBelow) + cell, columns));
  }
  return lines.map(printable);
}
