/** A unified diff of files that gain lines. */
import type { FileChange } from "./text-file.ts";

/** Lines of context around a change. */
const contextLines = 3;

type Line = { readonly sign: " " | "+" | "-"; readonly text: string };

function linesOf(text: string): string[] {
  const lines = text.replaceAll("\r\n", "\n").split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines;
}

/** Every old line is a new line, in the same order: `init` only adds lines. */
function compare(before: readonly string[], after: readonly string[]): readonly Line[] {
  const lines: Line[] = [];
  let next = 0;
  for (const [index, text] of after.entries()) {
    // The rest of the old lines must still find its place.
    const isOld = before[next] === text && after.length - index >= before.length - next;
    if (isOld) next += 1;
    lines.push({ sign: isOld ? " " : "+", text });
  }
  return lines;
}

export function unifiedDiff({ name, before, after }: FileChange): readonly string[] {
  const lines = compare(linesOf(before ?? ""), linesOf(after));
  const shown = lines.map((_, index) =>
    lines.slice(Math.max(0, index - contextLines), index + contextLines + 1).some(({ sign }) => sign !== " "),
  );
  const output = [`--- ${before === undefined ? "/dev/null" : `a/${name}`}`, `+++ b/${name}`];
  let [oldLine, newLine] = [1, 1];
  for (let index = 0; index < lines.length; ) {
    let end = index;
    while (shown[end] === true) end += 1;
    if (end === index) {
      [oldLine, newLine, index] = [oldLine + 1, newLine + 1, index + 1];
      continue;
    }
    const hunk = lines.slice(index, end);
    const oldCount = hunk.filter(({ sign }) => sign === " ").length;
    const oldStart = oldCount === 0 ? oldLine - 1 : oldLine;
    output.push(`@@ -${oldStart},${oldCount} +${newLine},${hunk.length} @@`);
    for (const { sign, text } of hunk) output.push(sign + text);
    [oldLine, newLine, index] = [oldLine + oldCount, newLine + hunk.length, end];
  }
  return output;
}

/** The added lines alone. */
export function addedLines({ before, after }: FileChange): readonly string[] {
  return compare(linesOf(before ?? ""), linesOf(after)).flatMap(({ sign, text }) => (sign === "+" ? [text] : []));
}
