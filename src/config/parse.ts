/** Reads the text of a configuration file; what is wrong with it is told with its line and what was expected. */
import type { Node } from "jsonc-parser";
import * as v from "valibot";
import { ConfigurationError } from "../errors.ts";
import { type Config, configSchema, prefixForm } from "./schema.ts";

/** Of what is quoted from a file. */
const maxQuotedLength = 80;

function invalid(path: string, text: string, offset: number, what: string): ConfigurationError {
  const line = text.slice(0, offset).split("\n").length;
  return new ConfigurationError("CONFIG_INVALID", `${path}:${line}: ${what}`, {
    hint: "docs/schemas/config.json says what may stand there; `buck2-oras config` shows what is in force",
  });
}

function quoted(text: string): string {
  return text.length <= maxQuotedLength ? text : `${text.slice(0, maxQuotedLength)}…`;
}

/** The node that a path of keys leads to, or the nearest one above it. */
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
 * @throws {ConfigurationError} `CONFIG_INVALID` with file, line, and what was expected
 */
export async function parseConfig(text: string, path: string): Promise<Config> {
  const { findNodeAtLocation, getNodeValue, parseTree, printParseErrorCode } = await import("jsonc-parser");
  const errors: import("jsonc-parser").ParseError[] = [];
  const root = parseTree(text.replace(/^\ufeff/, ""), errors, { allowTrailingComma: true });
  const [error] = errors;
  if (error !== undefined) throw invalid(path, text, error.offset, `not JSON (${printParseErrorCode(error.error)})`);
  if (root === undefined || root.type !== "object") throw invalid(path, text, 0, "must be a JSON object");
  const result = v.safeParse(configSchema, getNodeValue(root));
  if (result.success) return result.output;
  const issue = result.issues[0];
  const keys = (issue.path ?? []).map((item) => (typeof item.key === "number" ? item.key : String(item.key)));
  const node = nodeAt(root, keys, findNodeAtLocation);
  const dotPath = quoted(keys.join(".")) || "the file";
  throw invalid(path, text, node.offset, `\`${dotPath}\`: ${explain(issue, keys)}`);
}

/** What Valibot calls the types, in words. */
const wordsFor: Readonly<Record<string, string>> = {
  string: "a string",
  Array: "a list",
  Object: "an object",
};
/** Keys that cannot be left out, with what they are. */
const requiredForms: Readonly<Record<string, string>> = { prefix: prefixForm };

function explain(issue: v.BaseIssue<unknown>, keys: readonly (string | number)[]): string {
  const key = String(keys.at(-1) ?? "");
  if (issue.type === "strict_object" && issue.expected === "never") {
    return `is not known here; ${suggestion(key, knownKeys(keys.slice(0, -1)))}`;
  }
  if (issue.type === "strict_object" && issue.received === "undefined") {
    return `is missing: it must be ${requiredForms[key] ?? "there"}`;
  }
  const isOurs = issue.message.startsWith("must be");
  const wanted = isOurs ? issue.message : `must be ${wordsFor[issue.expected ?? ""] ?? issue.expected ?? "another"}`;
  return `${wanted}, not ${received(issue)}`;
}

function received({ input, received }: v.BaseIssue<unknown>): string {
  if (Array.isArray(input)) return "a list";
  return typeof input === "object" && input !== null ? "an object" : quoted(received);
}

function property(of: unknown, name: string): unknown {
  return typeof of === "object" && of !== null ? Object.entries(of).find(([key]) => key === name)?.[1] : undefined;
}

/** The keys that the schema has for the object at a path. */
function knownKeys(path: readonly (string | number)[]): readonly string[] {
  let schema: unknown = configSchema;
  for (const key of path) {
    // Of an object its member; of a record or a list what all members are.
    schema =
      property(property(schema, "entries"), String(key)) ?? property(schema, "value") ?? property(schema, "item");
    schema = property(schema, "wrapped") ?? schema;
  }
  return Object.keys(property(schema, "entries") ?? {});
}

function suggestion(key: string, known: readonly string[]): string {
  const [nearest] = known
    .map((name) => ({ name, distance: editDistance(key.toLowerCase(), name.toLowerCase()) }))
    .sort((one, other) => one.distance - other.distance);
  const isNear = nearest !== undefined && nearest.distance <= Math.max(2, nearest.name.length / 3);
  const names = known.map((name) => `\`${name}\``).join(", ");
  return isNear ? `did you mean \`${nearest.name}\`? Known are ${names}` : `known are ${names}`;
}

/** Levenshtein's: how many letters have to be put in, taken out or changed. */
function editDistance(from: string, to: string): number {
  if (from.length > maxQuotedLength) return from.length;
  let row = Array.from({ length: to.length + 1 }, (_, column) => column);
  for (const [index, letter] of [...from].entries()) {
    const next = [index + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const changed = (row[column - 1] ?? 0) + (to[column - 1] === letter ? 0 : 1);
      next.push(Math.min((row[column] ?? 0) + 1, (next[column - 1] ?? 0) + 1, changed));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
