/**
 * Finds and reads the configuration files: `buck2-oras.json` in the working folder or above it, and one per user.
 *
 * Both are optional; what the project's file says wins over the user's.
 */
import { readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Node } from "jsonc-parser";
import * as v from "valibot";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { type Config, configSchema } from "./schema.ts";

export const configFileName = "buck2-oras.json";

export interface ConfigFile {
  /** Absolute path. */
  readonly path: string;
  readonly config: Config;
}

async function readText(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, "utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    throw localIoError(`read ${path}`, cause);
  }
}

function invalid(path: string, text: string, offset: number, what: string): ConfigurationError {
  const line = text.slice(0, offset).split("\n").length;
  return new ConfigurationError("CONFIG_INVALID", `${path}:${line}: ${what}`, {
    hint: "docs/schemas/config.json says what may stand there; `buck2-oras config` shows what is in force",
  });
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
  const dotPath = keys.join(".") || "the file";
  throw invalid(path, text, node.offset, `\`${dotPath}\`: ${explain(issue)}`);
}

function explain(issue: v.BaseIssue<unknown>): string {
  if (issue.type === "strict_object" && issue.expected === "never") return "is not known here";
  const wanted = issue.message.startsWith("must be") ? issue.message : `must be ${issue.expected ?? "something else"}`;
  return `${wanted}, not ${issue.received}`;
}

async function readConfigFile(path: string): Promise<ConfigFile | undefined> {
  const text = await readText(path);
  return text === undefined ? undefined : { path, config: await parseConfig(text, path) };
}

/** The first one on the way from the working folder to the root. */
async function findProjectFile(cwd: string): Promise<ConfigFile | undefined> {
  for (let folder = cwd; ; folder = dirname(folder)) {
    const found = await readConfigFile(join(folder, configFileName));
    if (found !== undefined || dirname(folder) === folder) return found;
  }
}

/** `$XDG_CONFIG_HOME/buck2-oras/config.json`, by default in `~/.config`; on Windows below `%APPDATA%`. */
export function userConfigPath(context: Context): string {
  const { APPDATA, XDG_CONFIG_HOME } = context.env;
  const base =
    context.os === "win32"
      ? APPDATA || join(context.homeDir, "AppData", "Roaming")
      : XDG_CONFIG_HOME || join(context.homeDir, ".config");
  return join(base, "buck2-oras", "config.json");
}

/** The files that there are, the one that wins first. */
export async function readConfigFiles(context: Context): Promise<readonly ConfigFile[]> {
  const files = [await findProjectFile(context.cwd), await readConfigFile(userConfigPath(context))];
  return files.filter((file) => file !== undefined);
}
