/**
 * Texts of a publisher that a lock may hold. A stranger writes them, and people and bots show them: in terminals, in
 * logs, in pull requests and in shell commands. Writers and readers of locks share these rules.
 */
import { printable } from "../printable.ts";

const maxLength = 256;

/** ASCII alone: other letters look like these, or turn the direction of the line. */
const line = /^[!-~](?:[ -~]*[!-~])?$/;

/** The characters of addresses, without quotes, `$`, `;`, `|` and brackets: a hint shows the source in a shell command. */
const address = /^[A-Za-z0-9][A-Za-z0-9+.:/@~_%#?&=,-]*$/;

/** True for a version or a licence that a lock may hold. */
export function isStatedText(text: string): boolean {
  return text.length <= maxLength && line.test(text) && printable(text) === text;
}

/** True for the address of a source that a lock may hold. */
export function isStatedSource(text: string): boolean {
  return isStatedText(text) && address.test(text);
}
