/** Parser of configuration files; errors state the line and the expected value. */
import type { JSONScanner, Node } from "jsonc-parser";
import * as v from "valibot";
import { ConfigurationError } from "../errors.ts";
import { nearestOf } from "../model/nearest.ts";
import { reservedKeys } from "../model/object-key.ts";
import { policyPrefixForm } from "./policy-schema.ts";
import { type Config, configSchema } from "./schema.ts";
import { prefixForm } from "./schema-parts.ts";

/** Maximum characters quoted from a file. */
const maxQuotedLength = 80;

function invalid(path: string, text: string, offset: number, what: string): ConfigurationError {
  const line = text.slice(0, offset).split("\n").length;
  return new ConfigurationError("CONFIG_INVALID", `${path}:${line}: ${what}`, {
    hint: "correct that line; docs/configuration.md of buck2-oras lists all keys",
  });
}

function quoted(text: string): string {
  return text.length <= maxQuotedLength ? text : `${text.slice(0, maxQuotedLength)}…`;
}

/** The library's error names, in words. */
const expectations: Readonly<Record<string, string>> = {
  InvalidSymbol: "a value is expected: text in double quotes, a number, true, false, null, a list or an object",
  InvalidNumberFormat: "a number is expected",
  PropertyNameExpected: "a key in double quotes is expected",
  ValueExpected: "a value is expected",
  ColonExpected: "a colon is expected",
  CommaExpected: "a comma is expected",
  CloseBraceExpected: "a closing brace is expected",
  CloseBracketExpected: "a closing bracket is expected",
  EndOfFileExpected: "nothing more is expected",
  UnexpectedEndOfComment: "the comment has no end",
  UnexpectedEndOfString: "the text has no closing quote",
  UnexpectedEndOfNumber: "a number is expected",
  InvalidUnicode: "four hexadecimal digits are expected",
  InvalidEscapeCharacter: "a character that may be escaped is expected",
  InvalidCharacter: "text without control characters is expected",
};

/** Real files have five levels; the parser recurses once per level. */
const maxDepth = 20;

/** Offset of the first bracket beyond `maxDepth`. */
function tooDeepAt(scanner: JSONScanner): number | undefined {
  let depth = 0;
  // The library's token kinds: `{` 1, `}` 2, `[` 3, `]` 4, end 17.
  for (let kind = scanner.scan(); kind !== 17; kind = scanner.scan()) {
    if (kind === 1 || kind === 3) depth += 1;
    if (kind === 2 || kind === 4) depth -= 1;
    if (depth > maxDepth) return scanner.getTokenOffset();
  }
  return undefined;
}

/** The second of two equal keys in one object; JSON parsers disagree about which key wins. */
function repeatedKey(node: Node): Node | undefined {
  const seen = new Set<unknown>();
  for (const child of node.children ?? []) {
    const [key] = node.type === "object" ? (child.children ?? []) : [];
    if (key !== undefined && seen.has(key.value)) return key;
    seen.add(key?.value);
    const below = repeatedKey(child);
    if (below !== undefined) return below;
  }
  return undefined;
}

/** A key that the schema would drop silently, such as a registry with a reserved name. */
function reservedKey(node: Node): Node | undefined {
  for (const child of node.children ?? []) {
    const [key] = node.type === "object" ? (child.children ?? []) : [];
    const found = reservedKeys.some((one) => one === key?.value) ? key : reservedKey(child);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The node at a path of keys, or its nearest existing parent. */
function nodeAt(
  root: Node,
  keys: readonly (string | number)[],
  find: (root: Node, path: (string | number)[]) => Node | undefined,
): Node {
  for (let length = keys.length; length > 0; length -= 1) {
    const node = find(root, keys.slice(0, length));
    if (node !== undefined) return node.parent?.type === "property" ? node.parent : node;
  }
  return root;
}

/**
 * @param path Names the file in messages.
 * @throws {ConfigurationError} `CONFIG_INVALID` with file, line and expected value
 */
export async function parseConfig(text: string, path: string): Promise<Config> {
  const { createScanner, findNodeAtLocation, getNodeValue, parseTree, printParseErrorCode } = await import(
    "jsonc-parser"
  );
  const tooDeep = tooDeepAt(createScanner(text, true));
  if (tooDeep !== undefined) throw invalid(path, text, tooDeep, `nested deeper than the limit of ${maxDepth} levels`);
  const errors: import("jsonc-parser").ParseError[] = [];
  const root = parseTree(text.replace(/^\ufeff/, ""), errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) {
    const expected = expectations[printParseErrorCode(error.error)] ?? "another token is expected";
    throw invalid(path, text, error.offset, `not JSON: ${expected}`);
  }
  if (root === undefined || root.type !== "object") throw invalid(path, text, 0, "must be a JSON object");
  const repeated = repeatedKey(root);
  if (repeated !== undefined) {
    throw invalid(path, text, repeated.offset, `\`${quoted(String(repeated.value))}\` is a repeated key`);
  }
  const reserved = reservedKey(root);
  if (reserved !== undefined) {
    throw invalid(path, text, reserved.offset, `\`${reserved.value}\` is a reserved name`);
  }
  const result = v.safeParse(configSchema, getNodeValue(root));
  if (result.success) return result.output;
  const issue = result.issues[0];
  const keys = (issue.path ?? []).map((item) => (typeof item.key === "number" ? item.key : String(item.key)));
  const node = nodeAt(root, keys, findNodeAtLocation);
  const dotPath = quoted(keys.join(".")) || "the file";
  throw invalid(path, text, node.offset, `\`${dotPath}\` ${explain(issue, keys)}`);
}

/** Valibot's names of types, in words. */
const wordsFor: Readonly<Record<string, string>> = {
  string: "a string",
  Array: "a list",
  Object: "an object",
};
function explain(issue: v.BaseIssue<unknown>, keys: readonly (string | number)[]): string {
  const key = String(keys.at(-1) ?? "");
  if (issue.type === "strict_object" && issue.expected === "never") {
    return `is not a known key; ${suggestion(key, knownKeys(keys.slice(0, -1)))}`;
  }
  if (issue.type === "strict_object" && issue.received === "undefined") {
    // Every required key of the schema is a prefix.
    return `is missing: it must be ${keys[0] === "policies" ? policyPrefixForm : prefixForm}`;
  }
  // The value is an object or a list, and what it lacks is said already.
  if (issue.message.startsWith("must have")) return issue.message;
  const isOwnMessage = issue.message.startsWith("must be");
  const wanted = isOwnMessage
    ? issue.message
    : `must be ${wordsFor[issue.expected ?? ""] ?? issue.expected ?? "another value"}`;
  return `${wanted}, not ${received(issue)}`;
}

function received({ input, received }: v.BaseIssue<unknown>): string {
  if (Array.isArray(input)) return "a list";
  // For a string, the library may state only its length.
  if (typeof input === "string") return JSON.stringify(quoted(input));
  return typeof input === "object" && input !== null ? "an object" : quoted(received);
}

function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Object.entries(of).find(([key]) => key === name)?.[1] : undefined;
}

/** The schema's keys for the object at a path. */
function knownKeys(path: readonly (string | number)[]): readonly string[] {
  let schema: unknown = configSchema;
  for (const key of path) {
    // An object has a schema per entry; a record or a list has one schema for all members.
    schema =
      property(property(schema, "entries"), String(key)) ?? property(schema, "value") ?? property(schema, "item");
    schema = property(schema, "wrapped") ?? schema;
  }
  return Object.keys(property(schema, "entries") ?? {});
}

function suggestion(key: string, known: readonly string[]): string {
  const nearest = nearestOf(key, known);
  const names = known.map((name) => `\`${name}\``).join(", ");
  return nearest === undefined ? `known keys: ${names}` : `did you mean \`${nearest}\`? Known keys: ${names}`;
}
