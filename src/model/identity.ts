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

/** True if the whole text matches. Time grows with the product of both lengths, which have limits. */
export function matchesPattern(pattern: string, text: string): boolean {
  if (text.length > maxTextLength) return false;
  const characters = [...text];
  // `reached[i]`: the pieces so far can match the first i characters.
  let reached = [true, ...characters.map(() => false)];
  for (const piece of piecesOf(pattern)) {
    const next = reached.map(() => false);
    const isWild = piece === "*" || piece === "**";
    for (let at = 0; at < next.length; at += 1) {
      const previous = characters[at - 1];
      if (!isWild) next[at] = at > 0 && reached[at - 1] === true && previous === piece;
      else if (reached[at] === true) next[at] = true;
      else next[at] = at > 0 && next[at - 1] === true && (piece === "**" || previous !== "/");
    }
    reached = next;
  }
  return reached[characters.length] === true;
}

export function matchesIdentity(pattern: IdentityPattern, { subject, issuer }: Identity): boolean {
  return matchesPattern(pattern.subject, subject) && matchesPattern(pattern.issuer, issuer);
}
