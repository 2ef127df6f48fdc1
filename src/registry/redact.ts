/** Redaction of secrets in a registry's messages; some registries echo a refused header. */
import type { Credentials } from "../model/credentials.ts";
import { basicHeader } from "./basic-header.ts";

const removed = "[removed]";
/** Shorter secrets would match inside common words. */
const minSecretLength = 4;

/** A scheme and its likely credentials; prose such as "Bearer token" does not match. */
const authorizationPattern = /\b(Basic|Bearer)([\s:="']+)(?=[a-z]*[^a-z\s"'])[A-Za-z0-9._~+/=-]{4,}/gi;
/** A run of characters that may hold a token. The pattern never backtracks, so that matching takes linear time. */
const wordPattern = /[A-Za-z0-9_.-]+/g;
/** Beginning of a JWT, a JSON object in base64url (RFC 7519). The bounded length keeps matching linear. */
const jwtStart = /\beyJ[A-Za-z0-9_-]{4}/;

/** Removes a JWT and everything after the JWT from a word. */
function withoutJwt(word: string): string {
  let offset = 0;
  for (const part of word.split(".").slice(0, -1)) {
    const start = part.search(jwtStart);
    if (start !== -1) return word.slice(0, offset + start) + removed;
    offset += part.length + 1;
  }
  return word;
}

/** All forms in which the credentials are sent. */
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

const htmlEscapes: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** The forms in which a server may echo a secret: escaped, re-encoded, or with its blanks collapsed. */
function formsOf(secret: string): readonly string[] {
  const escaped = encodeURIComponent(secret);
  const unpadded = secret.replace(/={1,2}$/, "");
  return [
    secret,
    escaped,
    escaped.replaceAll("%20", "+"),
    JSON.stringify(secret).slice(1, -1),
    secret.replace(/[&<>"]/g, (character) => htmlEscapes[character] ?? character),
    secret.replace(/\s+/g, " ").trim(),
    unpadded,
    unpadded.replaceAll("+", "-").replaceAll("/", "_"),
  ];
}

/** @param secrets Sent secrets; longer secrets are replaced first, since they may contain shorter secrets. */
export function redacted(text: string, secrets: Iterable<string>): string {
  const known = [...new Set([...secrets].flatMap(formsOf))];
  const bySize = known.filter(({ length }) => length >= minSecretLength).sort((a, b) => b.length - a.length);
  return bySize
    .reduce((rest, secret) => rest.replaceAll(secret, removed), text)
    .replace(authorizationPattern, `$1$2${removed}`)
    .replace(wordPattern, withoutJwt);
}
