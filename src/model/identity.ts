/**
 * Identities of keyless signers: a subject (an address of a workflow, or of mail) and the issuer that vouches for the
 * subject. A demand names both, exactly or by a pattern.
 */
import { UsageError } from "../errors.ts";

export interface Identity {
  readonly subject: string;
  readonly issuer: string;
}

/** Patterns for both parts; a pattern without `*` is an exact text. */
export type IdentityPattern = Identity;

const maxPatternLength = 512;
/** A longer text matches no pattern. */
const maxTextLength = 2048;

function refused(what: string, why: string, hint: string): UsageError {
  return new UsageError("USAGE_INVALID", `the ${what} ${why}`, { hint });
}

/**
 * Checks a pattern: `*` stands for any text without `/`, and `**` for any text. The pattern matches whole texts alone.
 *
 * @throws {UsageError} for a pattern that everybody fulfils
 */
export function parsePattern(text: string, what: "identity" | "issuer"): string {
  if (text === "") throw refused(what, "is empty", `write the ${what} of the signer's certificate`);
  if (text.length > maxPatternLength) {
    throw refused(what, `is over ${maxPatternLength} characters`, "use `**` for a long part");
  }
  if (!/[A-Za-z0-9]/.test(text)) {
    throw refused(
      what,
      `${JSON.stringify(text)} names nobody`,
      "write a part of the name, such as https://host/team/*",
    );
  }
  return text;
}

type Piece = string | "*" | "**";

function piecesOf(pattern: string): readonly Piece[] {
  return pattern.match(/\*\*|\*|[^*]/gu) ?? [];
}

/** True if the text has the pattern's literal parts in their order. Few other texts need the full comparison. */
function hasParts(pattern: string, text: string): boolean {
  const [first = "", ...others] = pattern.split(/\*+/);
  const last = others.pop();
  if (last === undefined) return text === pattern;
  const end = text.length - last.length;
  if (!text.startsWith(first) || !text.endsWith(last)) return false;
  let at = first.length;
  for (const part of others) {
    const found = text.indexOf(part, at);
    if (found === -1) return false;
    at = found + part.length;
  }
  return at <= end;
}

/** True if the whole text matches. Time grows with the product of both lengths, which have limits. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (text.length > maxTextLength || !hasParts(pattern, text)) return false;
  const characters = [...text];
  // `reached[i]` is 1 if the pieces so far can match the first i characters.
  let reached = new Uint8Array(characters.length + 1);
  reached[0] = 1;
  for (const piece of piecesOf(pattern)) {
    const next = new Uint8Array(reached.length);
    const isWild = piece === "*" || piece === "**";
    if (isWild) next[0] = reached[0] ?? 0;
    for (let at = 1; at < next.length; at += 1) {
      const previous = characters[at - 1];
      const isReached = isWild
        ? reached[at] === 1 || (next[at - 1] === 1 && (piece === "**" || previous !== "/"))
        : reached[at - 1] === 1 && previous === piece;
      if (isReached) next[at] = 1;
    }
    reached = next;
  }
  return reached[characters.length] === 1;
}

export function matchesIdentity(pattern: IdentityPattern, { subject, issuer }: Identity): boolean {
  return matchesPattern(pattern.subject, subject) && matchesPattern(pattern.issuer, issuer);
}
