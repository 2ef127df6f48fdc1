/**
 * Escaping of untrusted text for terminals and CI logs. Registries, packages, archives, certificates and child
 * processes contribute text to messages. Terminals obey control characters, other characters hide or reorder their
 * neighbours, and CI runners obey commands in a build's log.
 */

/**
 * Controls (C0, DEL, C1), format characters (bidi controls, tags, zero-width characters), line and paragraph
 * separators, lone surrogates, and characters that a renderer may ignore.
 *
 * @see Unicode Standard Annex #44, General_Category and Default_Ignorable_Code_Point
 */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Commands at any position of a line: `##vso[task.prependpath]` and `##[add-path]` of Azure Pipelines and GitHub
 * Actions, `##teamcity[`.
 *
 * @see https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
 */
const runnerCommand = /#(?=#[a-z]*\[)/gi;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

/**
 * Escapes a command of GitHub Actions at the beginning of a line, such as `::add-path::/tmp`; leading blanks are
 * allowed. Searched step by step: a pattern with the blanks takes quadratic time on a long run of blanks.
 *
 * @see https://docs.github.com/actions/reference/workflow-commands-for-github-actions
 */
function withoutCommandOfLine(line: string): string {
  const start = line.search(/\S/);
  const isCommand = start !== -1 && line.startsWith("::", start) && line.includes("::", start + 2);
  return isCommand ? line.slice(0, start) + escaped(":") + line.slice(start + 1) : line;
}

function jsonEscaped(character: string): string {
  return [...Array(character.length).keys()]
    .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
    .join("");
}

/** Escapes text into one line; newlines are escaped too. Idempotent. */
export function printable(text: string): string {
  return withoutCommandOfLine(text.replace(hidden, escaped).replace(runnerCommand, escaped));
}

/** Serializes a value as one line of JSON without characters or commands that terminals and CI runners obey. */
export function printableJson(value: object): string {
  // In JSON these characters occur only in strings, where an escape is equivalent (RFC 8259, section 7). The line
  // begins with a brace, so it is no command of GitHub Actions.
  return JSON.stringify(value).replace(hidden, jsonEscaped).replace(runnerCommand, jsonEscaped);
}
