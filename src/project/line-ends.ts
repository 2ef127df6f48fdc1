/** Line ends of files that gain lines. Each old line keeps its own, so that a mixed file gains lines and nothing else. */

export type LineEnd = "\n" | "\r\n";

interface Line {
  readonly text: string;
  /** Empty for a last line without a line end. */
  readonly end: LineEnd | "";
}

function linesOf(text: string): readonly Line[] {
  const parts = text.split("\n");
  const last = parts.pop() ?? "";
  const ended = parts.map((part): Line => {
    const isCrlf = part.endsWith("\r");
    return { text: isCrlf ? part.slice(0, -1) : part, end: isCrlf ? "\r\n" : "\n" };
  });
  return last === "" ? ended : [...ended, { text: last, end: "" }];
}

/** The line end that most lines have; `\n` for a text without any. */
export function usualLineEnd(text: string): LineEnd {
  const ends = linesOf(text).map(({ end }) => end);
  const crlf = ends.filter((end) => end === "\r\n").length;
  return crlf > ends.filter((end) => end === "\n").length ? "\r\n" : "\n";
}

/**
 * @param before The file's text.
 * @param after With `\n` as line ends; has the lines of `before` in their order, and more.
 * @param usual Line end of the lines that `before` lacks.
 */
export function withOwnLineEnds(before: string, after: string, usual: LineEnd): string {
  const old = linesOf(before);
  let next = 0;
  return linesOf(after)
    .map(({ text, end }) => {
      const kept = old[next]?.text === text ? old[next] : undefined;
      if (kept !== undefined) next += 1;
      return text + (end === "" ? "" : kept?.end || usual);
    })
    .join("");
}
