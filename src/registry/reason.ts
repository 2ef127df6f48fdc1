/**
 * The reason that a server gives in the body of its refusal. Servers use JSON of many shapes, XML, HTML and plain text;
 * a body is untrusted and may echo secrets.
 */
import type { HttpResponse } from "../http/response.ts";
import { redacted } from "./redact.ts";

const maxBodyBytes = 64 * 1024;
const maxReasonLength = 300;
/** Limits of the search in JSON: the reason stands near the top. */
const maxDepth = 5;
const maxValues = 200;

/** Keys with a sentence for people, best first; compared in lower case. */
const sentenceKeys = ["message", "error_description", "details", "detail", "reason", "description", "msg", "title"];
/** Keys with a short name of the failure. `error` of OAuth 2 is such a name (RFC 6749, section 5.2). */
const nameKeys = ["code", "error", "status", "__type"];

/**
 * Reads the reason from a response, without the secrets in `shown`.
 *
 * @param who Names the server, such as `the registry`.
 * @returns The cause for an error; undefined without a readable reason.
 */
export async function reasonOf(
  response: HttpResponse,
  who: string,
  shown: Iterable<string>,
): Promise<Error | undefined> {
  try {
    const secrets = [...shown];
    const text = reasonIn(await response.bytes(maxBodyBytes), (some) => redacted(some, secrets)) ?? "";
    const safe = text.slice(0, maxReasonLength);
    return safe === "" ? undefined : new Error(`${who} said ${safe}`);
  } catch {
    return undefined;
  }
}

/**
 * @param clean Removes secrets. Called before anything is cut off, since a part of a secret is not recognized, and again
 *   after each decoding.
 * @returns The reason as one line; undefined for bytes without one.
 */
export function reasonIn(bytes: Uint8Array, clean: (text: string) => string): string | undefined {
  const text = clean(new TextDecoder().decode(bytes)).trim();
  const found = text.startsWith("<") ? inMarkup(text) : (inJson(text) ?? inText(text));
  const line = clean(clean(found ?? "").replace(/\s+/g, " ")).trim();
  return line === "" ? undefined : line;
}

function inJson(text: string): string | undefined {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    return undefined;
  }
  // Breadth first: an outer reason is about the whole.
  let level: readonly unknown[] = [json];
  for (let depth = 0; depth < maxDepth && level.length > 0; depth += 1) {
    for (const value of level) {
      const found = typeof value === "string" && depth === 0 ? value : inObject(value);
      if (found !== undefined) return found;
    }
    level = level.flatMap((value) => (isObject(value) ? Object.values(value) : [])).slice(0, maxValues);
  }
  // JSON without a reason, such as `{}`, is not worth showing.
  return "";
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

function inObject(value: unknown): string | undefined {
  if (!isObject(value) || Array.isArray(value)) return undefined;
  const texts = new Map<string, string>();
  for (const [key, text] of Object.entries(value)) {
    if (typeof text === "string" && text.trim() !== "") texts.set(key.toLowerCase(), text);
  }
  const sentence = sentenceKeys.map((key) => texts.get(key)).find((text) => text !== undefined);
  const name = nameKeys.map((key) => texts.get(key)).find((text) => text !== undefined);
  if (sentence === undefined) return name;
  return name === undefined || name === sentence ? sentence : `${name}: ${sentence}`;
}

/** The title of a web page, or code and message of a storage service's XML. */
function inMarkup(text: string): string | undefined {
  const element = (name: string): string | undefined =>
    new RegExp(`<${name}\\b[^<>]{0,200}>([^<]{1,2000})`, "i").exec(text)?.[1];
  const message = element("message");
  if (message === undefined) return decoded(element("title") ?? element("h1") ?? "");
  return decoded([element("code"), message].filter((part) => part !== undefined).join(": "));
}

const entities: Readonly<Record<string, string>> = { lt: "<", gt: ">", quot: '"', apos: "'", "#39": "'", amp: "&" };

function decoded(text: string): string {
  return text.replace(/&(#39|[a-z]{2,4});/g, (whole, name: string) => entities[name] ?? whole);
}

/** The first line of text; undefined for bytes that are no text. */
function inText(text: string): string | undefined {
  const line = text.split("\n", 1)[0] ?? "";
  // Truncated JSON is not worth showing.
  return /^[{[]|[^\P{Cc}\t]|\ufffd/u.test(line.trimEnd()) ? undefined : line;
}
