/**
 * What is written for people, made safe to look at. Registries, packages, archives, certificates and child processes write
 * parts of it: a terminal acts upon some characters, others hide or turn round what stands beside them.
 */

/**
 * Controls (C0, DEL, C1), format characters (bidi controls, tags, zero-width ones), line and paragraph separators, lone
 * surrogates, and what Unicode lets a renderer leave out.
 *
 * @see Unicode Standard Annex #44, General_Category and Default_Ignorable_Code_Point
 */
const hidden = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}\p{Default_Ignorable_Code_Point}]/gu;

const shortEscapes: Readonly<Record<string, string>> = { "\n": "\\n", "\r": "\\r", "\t": "\\t" };

function escaped(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const short = shortEscapes[character];
  if (short !== undefined) return short;
  if (code <= 0xff) return `\\x${code.toString(16).padStart(2, "0")}`;
  return code <= 0xffff ? `\\u${code.toString(16).padStart(4, "0")}` : `\\u{${code.toString(16)}}`;
}

/** One line: newlines, too, are shown as escapes. What was made printable stays as it is. */
export function printable(text: string): string {
  return text.replace(hidden, escaped);
}

/** One line of JSON of the same value, in which a terminal finds nothing to act upon either. */
export function printableJson(value: object): string {
  // In JSON such characters stand in strings alone, where an escape means the same (RFC 8259, section 7).
  return JSON.stringify(value).replace(hidden, (character) =>
    [...Array(character.length).keys()]
      .map((index) => `\\u${character.charCodeAt(index).toString(16).padStart(4, "0")}`)
      .join(""),
  );
}
