/** Width of text on a terminal, in columns: wide characters take two, combining marks none. */
import { eastAsianWidth } from "get-east-asian-width";

const combining = /^[\p{Mn}\p{Me}]$/u;
// Printable ASCII: the width is the length.
const plain = /^[\x20-\x7e]*$/;

function widthOfCharacter(character: string): number {
  return combining.test(character) ? 0 : eastAsianWidth(character.codePointAt(0) ?? 0);
}

/** @param text Escaped text of one line. */
export function widthOf(text: string): number {
  if (plain.test(text)) return text.length;
  let width = 0;
  for (const character of text) width += widthOfCharacter(character);
  return width;
}

/** Adds blanks up to the width; longer text stays. */
export function padTo(text: string, columns: number): string {
  return text + " ".repeat(Math.max(0, columns - widthOf(text)));
}

/** The beginning of the text that fits into the width. */
export function startWithin(text: string, columns: number): string {
  let [start, free] = ["", columns];
  for (const character of text) {
    free -= widthOfCharacter(character);
    if (free < 0) break;
    start += character;
  }
  return start;
}

/** The end of the text that fits into the width. */
export function endWithin(text: string, columns: number): string {
  const characters = [...text];
  let start = characters.length;
  for (let free = columns; start > 0; start -= 1) {
    free -= widthOfCharacter(characters[start - 1] ?? "");
    if (free < 0) break;
  }
  return characters.slice(start).join("");
}
