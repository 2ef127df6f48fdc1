/** Takes secrets out of what a registry says: some echo the header that they did not like. */
import type { Credentials } from "../model/credentials.ts";
import { basicHeader } from "./token.ts";

const removed = "[removed]";
/** Shorter ones would be found in every other word. */
const minSecretLength = 4;

/** A scheme and what looks like its credentials: more than a word of prose, such as «Bearer token». */
const authorizationPattern = /\b(Basic|Bearer)([\s:="']+)(?=[a-z]*[^a-z\s"'])[A-Za-z0-9._~+/=-]{4,}/gi;
/** A run of characters that may hold a token. The pattern takes all of the run and cannot fail after its first character, so that time stays linear. */
const wordPattern = /[A-Za-z0-9_.-]+/g;
/** RFC 7519: three parts in base64url, of which the first is an object. Of a bounded length, for the same reason. */
const jwtStart = /\beyJ[A-Za-z0-9_-]{4}/;

/** A word without the token that it ends with: from where a part that others follow begins as an object does. */
function withoutJwt(word: string): string {
  let offset = 0;
  for (const part of word.split(".").slice(0, -1)) {
    const start = part.search(jwtStart);
    if (start !== -1) return word.slice(0, offset + start) + removed;
    offset += part.length + 1;
  }
  return word;
}

/** All forms in which credentials travel. */
export function secretsOf(credentials: Credentials): readonly string[] {
  switch (credentials.kind) {
    case "none":
      return [];
    case "basic":
      return [basicHeader(credentials).slice("Basic ".length), credentials.password];
    case "bearer":
    case "identity":
      return [credentials.token];
  }
}

/** @param secrets That were shown; longer ones go first, since one may be part of another. */
export function redacted(text: string, secrets: Iterable<string>): string {
  const known = [...secrets].flatMap((secret) => [secret, encodeURIComponent(secret)]);
  const bySize = known.filter(({ length }) => length >= minSecretLength).sort((a, b) => b.length - a.length);
  return bySize
    .reduce((rest, secret) => rest.replaceAll(secret, removed), text)
    .replace(authorizationPattern, `$1$2${removed}`)
    .replace(wordPattern, withoutJwt);
}
