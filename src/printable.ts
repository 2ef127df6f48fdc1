/**
 * Text for people, made safe to look at. Registries, packages, archives, certificates and child processes write
 * parts of it: a terminal acts upon some characters, others hide or turn round what stands beside them, and a runner of CI obeys
 * commands that it finds in the log of a build.
 */

/**
 * Controls (C0, DEL, C1), format characters (bidi controls, tags, zero-width ones), line and paragraph separators, lone
 * surrogates, and what Unicode lets a renderer leave out.
 *
 * @see Unicode Standard Annex #44, General_Category and Default_Ignorable_Code_Point
 */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Commands anywhere in a line: `##vso[task.prependpath]` and `##[add-path]` of Azure Pipelines and GitHub Actions, `##teamcity[`.
 *
 * @see https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
 */
const runnerCommand = /#(?=#[a-z]*\[)/gi;

/**
 * Commands of GitHub Actions, `::add-path::/tmp`, which begin a line; blanks may be in front.
 *
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
const runnerCommandOfLine = /(?<=^\s*):(?=:.*::)/;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

function jsonEscaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}

/** One line: newlines, too, are shown as escapes. What was made printable stays as it is. */
export function printable(text: string): string {
  return text.replace(hidden, escaped).replace(runnerCommand, escaped).replace(runnerCommandOfLine, escaped);
}

/** One line of JSON of the same value, in which neither a terminal nor a runner finds anything to act upon either. */
export function printableJson(value: object): string {
  // In JSON such characters stand in strings alone, where an escape means the same (RFC 8259, section 7). Its line begins with a brace.
  return JSON.stringify(value).replace(hidden, jsonEscaped).replace(runnerCommand, jsonEscaped);
}
