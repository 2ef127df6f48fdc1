/**
 * Parser of `WWW-Authenticate` headers. The header comes from the network and may hold anything.
 *
 * @see RFC 9110, section 11.6.1, and section 5.6 for token and quoted-string
 */

export interface Challenge {
  /** Lower-case: `basic`, `bearer`, … */
  readonly scheme: string;
  /** Names in lower case. */
  readonly parameters: ReadonlyMap<string, string>;
}

const maxHeaderLength = 16 * 1024;
const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const parameterPattern = new RegExp(`(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\.)*)"|(${token}))`, "y");
const schemePattern = new RegExp(`(${token})(?=[ \\t]|,|$)`, "y");
const token68Pattern = /[A-Za-z0-9._~+/-]+=*(?=[ \t]*(?:,|$))/y;
const separatorPattern = /[ \t,]*/y;

/** The header's challenges, in order; malformed text ends the list. */
export function parseChallenges(header: string): readonly Challenge[] {
  if (header.length > maxHeaderLength) return [];
  const challenges: { scheme: string; parameters: Map<string, string> }[] = [];
  let position = 0;
  const match = (pattern: RegExp): RegExpExecArray | null => {
    pattern.lastIndex = position;
    const found = pattern.exec(header);
    if (found !== null) position = pattern.lastIndex;
    return found;
  };
  while (position < header.length) {
    match(separatorPattern);
    const current = challenges.at(-1);
    const parameter = match(parameterPattern);
    if (parameter !== null && current !== undefined) {
      const [, name = "", quoted, bare = ""] = parameter;
      const key = name.toLowerCase();
      // The first value counts: a repeated realm must not replace the checked realm.
      if (!current.parameters.has(key)) current.parameters.set(key, quoted?.replace(/\\(.)/g, "$1") ?? bare);
      continue;
    }
    if (parameter !== null) break;
    const scheme = match(schemePattern)?.[1];
    if (scheme === undefined) break;
    challenges.push({ scheme: scheme.toLowerCase(), parameters: new Map() });
    // Schemes with a token68, such as `Negotiate <token68>`, are unsupported and skipped.
    match(/[ \t]+/y);
    const before = position;
    if (match(parameterPattern) !== null) position = before;
    else match(token68Pattern);
  }
  return challenges;
}
