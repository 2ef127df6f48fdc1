/**
 * Strangers' text in Markdown for a forge: GitHub, GitLab, Gitea. The text shows as code, where no forge makes links,
 * mentions or references to issues of it. The same Markdown may become a commit message, which programs read as it is:
 * there, `[skip ci]`, `fixes #1` and `@name` have their effect in code, too.
 */
import { printable } from "../printable.ts";

const maxCharacters = 300;

/** Characters with no meaning to Markdown in a code span, to the cells of a table, or to a forge. */
const plain = /^[A-Za-z0-9](?:[A-Za-z0-9 .,:+_/()=-]*[A-Za-z0-9.)/])?$/;

/** Addresses with a number or a hash as a part of the path may name an issue or a commit, and an issue shows who names it. */
const address = /^https:\/\/[A-Za-z0-9.-]+(?::[0-9]+)?(?:\/(?!(?:[0-9]+|[0-9a-f]{7,})(?:\/|$))[A-Za-z0-9._-]+)*\/?$/;

/** `GH-1` is an issue of GitHub; an address within other text may be one. */
const reference = /\bGH-[0-9]|:\/\//i;

function isHarmless(text: string): boolean {
  return plain.test(text) && (!reference.test(text) || (address.test(text) && !/\bGH-/i.test(text)));
}

/** @returns Code that shows the text, on one line and bounded. */
export function markdownCode(text: string): string {
  const characters = [...printable(text)];
  const shown = characters.length > maxCharacters ? [...characters.slice(0, maxCharacters), "…"] : characters;
  if (isHarmless(shown.join(""))) return `\`${shown.join("")}\``;
  const escaped = shown.map((one) => (/[A-Za-z0-9 /]/.test(one) ? one : `&#${one.codePointAt(0)};`));
  return `<code>${escaped.join("")}</code>`;
}

/** @param cells Markdown on one line, without pipes of its own. */
export function markdownRow(cells: readonly string[]): string {
  return `| ${cells.join(" | ")} |`;
}
