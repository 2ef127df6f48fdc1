/**
 * Docker's configuration and Podman's file of the same form: logins in the file, and the names of credential helpers.
 *
 * @see docker-login(1), containers-auth.json(5)
 */
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import * as v from "valibot";
import type { Context } from "../context.ts";
import { asError, ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { changeText } from "../files/change-text.ts";
import { makeFolder } from "../files/folder.ts";
import { UnfitFileError } from "../files/opened-file.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { dockerHub } from "../model/registry-host.ts";
import { folderVariable, variable } from "./environment.ts";

/** Clients write `null` for an empty value: `null` counts as absent. */
const authSchema = v.object({
  auth: v.nullish(v.string()),
  username: v.nullish(v.string()),
  password: v.nullish(v.string()),
  identitytoken: v.nullish(v.string()),
  registrytoken: v.nullish(v.string()),
});
const dockerConfigSchema = v.pipe(
  v.unknown(),
  // `looseObject` would accept a list.
  v.check((json) => !Array.isArray(json)),
  v.looseObject({
    auths: v.nullish(v.record(v.string(), v.nullable(authSchema))),
    credHelpers: v.nullish(v.record(v.string(), v.nullable(v.string()))),
    credsStore: v.nullish(v.string()),
  }),
);

export type DockerAuth = v.InferOutput<typeof authSchema>;
export type DockerConfig = v.InferOutput<typeof dockerConfigSchema>;

export interface DockerConfigFile {
  readonly path: string;
  readonly config: DockerConfig;
}

/** Docker's key for Docker Hub, which differs from the registry's host. */
const dockerHubKey = "index.docker.io";

/** The registry's key in Docker's configuration and in helpers. */
export function serverAddress(registry: string): string {
  return registry === dockerHub ? `https://${dockerHubKey}/v1/` : registry;
}

/**
 * True for a key of the whole registry: a host, or a URL as written by older clients. The host is compared whole. A key
 * with a path is for a namespace or a repository, and never matches.
 */
export function isKeyOf(key: string, registry: string): boolean {
  if (!/^(?:https?:\/\/)?[^/]+(?:\/(?:v[12]\/?)?)?$/i.test(key)) return false;
  const host = (key.replace(/^https?:\/\//i, "").split("/", 1)[0] ?? "").toLowerCase();
  const wanted = registry === dockerHub ? dockerHubKey : registry;
  return (host === "docker.io" ? dockerHubKey : host) === wanted;
}

/** The value of the first key that matches the registry. */
export function valueFor<T>(record: Readonly<Record<string, T>> | null | undefined, registry: string): T | undefined {
  return Object.entries(record ?? {}).find(([key]) => isKeyOf(key, registry))?.[1];
}

/**
 * The most specific key of a namespace that holds the repository, such as `quay.io/acme`; whole path segments count.
 *
 * @see containers-auth.json(5)
 */
export function namespaceKey(auths: DockerConfig["auths"], registry: string, repository: string): string | undefined {
  const isNamespace = (key: string): boolean => {
    const [, host = "", path = ""] = /^([^/]+)\/(.+?)\/?$/.exec(key) ?? [];
    if (path === "" || !isKeyOf(host, registry) || isKeyOf(key, registry)) return false;
    return repository === path || repository.startsWith(`${path}/`);
  };
  return Object.keys(auths ?? {})
    .filter(isNamespace)
    .sort((a, b) => b.length - a.length)[0];
}

/** The file that `login` writes: `config.json` in `DOCKER_CONFIG` or `~/.docker`. */
export function dockerConfigPath(context: Context): string {
  return join(variable(context, "DOCKER_CONFIG") ?? join(context.homeDir, ".docker"), "config.json");
}

/**
 * The variable with a docker configuration as its text, as set by CI systems. Docker reads only its `auths`.
 *
 * @see github.com/docker/cli/pull/6008
 */
const authVariable = "DOCKER_AUTH_CONFIG";

interface ConfigPath {
  readonly path: string;
  /** The variable that names the file: a missing file is then the user's mistake. */
  readonly variable: string | undefined;
  /** The user named no such file: an unreadable or malformed file of another client must not fail a command. */
  readonly isForeign: boolean;
}

/**
 * Docker's file, then Podman's files: the file of a variable, of the session, and of the user.
 *
 * @see containers-auth.json(5): `/run/containers/UID` is for sessions without `XDG_RUNTIME_DIR`
 */
function configPaths(context: Context): readonly ConfigPath[] {
  const { os, userId, homeDir } = context;
  const authFile = variable(context, "REGISTRY_AUTH_FILE");
  const runtimeDir = folderVariable(context, "XDG_RUNTIME_DIR");
  const isNamed = variable(context, "DOCKER_CONFIG") !== undefined;
  const configHome = folderVariable(context, "XDG_CONFIG_HOME") ?? join(homeDir, ".config");
  const named = (path: string, name: string | undefined) => ({ path, variable: name, isForeign: false });
  const foreign = (path: string) => ({ path, variable: undefined, isForeign: true });
  return [
    named(dockerConfigPath(context), isNamed ? "DOCKER_CONFIG" : undefined),
    ...(authFile === undefined ? [] : [named(authFile, "REGISTRY_AUTH_FILE")]),
    ...(runtimeDir === undefined ? [] : [named(join(runtimeDir, "containers", "auth.json"), undefined)]),
    ...(runtimeDir === undefined && os === "linux" && userId !== undefined
      ? [foreign(`/run/containers/${userId}/auth.json`)]
      : []),
    foreign(join(configHome, "containers", "auth.json")),
  ];
}

/** Tokens of some registries have several kilobytes. */
const maxConfigBytes = 8 * 1024 * 1024;
const otherFolder = "fix the file, or point DOCKER_CONFIG at another folder";

const otherVariable = 'set DOCKER_AUTH_CONFIG to JSON such as {"auths": {…}}, or unset it';

function invalid(path: string, why: string): ConfigurationError {
  return new ConfigurationError("CONFIG_INVALID", `${path} is not a docker configuration: ${why}`, {
    hint: path === authVariable ? otherVariable : otherFolder,
  });
}

/** @param path Names the file in messages, which never quote the content. */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  let json: unknown;
  try {
    // Some clients leave an empty file behind.
    json = text.trim() === "" ? {} : JSON.parse(text);
  } catch {
    // The parser's message quotes the text, which may hold passwords.
    throw invalid(path, "it is not JSON");
  }
  const result = v.safeParse(dockerConfigSchema, json);
  if (result.success) return result.output;
  // Only the outermost key is quoted: inner keys may be secrets.
  const field = v.getDotPath(result.issues[0])?.split(".", 1)[0] ?? "the document";
  throw invalid(path, `${field} has the wrong type`);
}

/** @returns undefined for a missing file. */
export async function readDockerConfig(path: string): Promise<DockerConfig | undefined> {
  try {
    const { bytes } = await readRegularFile(path, maxConfigBytes);
    return parseDockerConfig(bytes.toString("utf8"), path);
  } catch (cause) {
    if (cause instanceof UnfitFileError)
      throw new ConfigurationError("CONFIG_INVALID", cause.message, { hint: otherFolder });
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    throw cause instanceof ConfigurationError ? cause : localIoError(`read ${path}`, cause);
  }
}

/**
 * The variable's configuration and the existing files, in order of precedence. Files are read lazily: a caller stops at
 * the first login.
 */
export async function* dockerConfigs(context: Context): AsyncGenerator<DockerConfigFile> {
  const text = variable(context, authVariable);
  if (text !== undefined) yield { path: authVariable, config: { auths: parseDockerConfig(text, authVariable).auths } };
  for (const { path, variable: name, isForeign } of configPaths(context)) {
    const config = isForeign ? await readForeign(path, context) : await readDockerConfig(path);
    if (config !== undefined) yield { path, config };
    else if (name !== undefined) await warnOfMissing(name, path, context);
  }
}

async function readForeign(path: string, { log }: Context): Promise<DockerConfig | undefined> {
  try {
    return await readDockerConfig(path);
  } catch (thrown) {
    const error = asError(thrown);
    // Podman of root keeps the folder of all users' logins to itself.
    const isDenied = isErrno(error.cause, "EACCES") || isErrno(error.cause, "EPERM");
    log[isDenied ? "debug" : "warn"](`${error.message}: the file gives no login`);
    return undefined;
  }
}

/** Without a word, a mistyped variable would make every pull anonymous. DOCKER_CONFIG may name a folder that `login` has yet to make. */
async function warnOfMissing(name: string, path: string, { log }: Context): Promise<void> {
  if (name !== "DOCKER_CONFIG") return log.warn(`${name} names ${path}, which does not exist: it gives no login`);
  const folder = dirname(path);
  const found = await stat(folder).catch(() => undefined);
  if (found === undefined || found.isDirectory()) return;
  log.warn(`DOCKER_CONFIG names ${folder}, which is a file: it gives no login; the variable names a folder`);
}

/**
 * Changes the file; changes of concurrent clients are preserved.
 *
 * @param change Maps the current configuration to the new configuration; undefined leaves the file unchanged.
 * @throws {LocalIoError} also `LOCK_BUSY`
 */
export async function changeDockerConfig(
  path: string,
  change: (config: DockerConfig) => DockerConfig | undefined,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const changed = (text = "{}"): string | undefined => {
    const config = change(parseDockerConfig(text, path));
    return config === undefined ? undefined : `${JSON.stringify(config, null, "\t")}\n`;
  };
  const folder = dirname(path);
  const found = await stat(folder).catch(() => undefined);
  if (found !== undefined && !found.isDirectory()) {
    throw new ConfigurationError("CONFIG_INVALID", `${folder}, the folder of ${basename(path)}, is a file`, {
      hint: "set DOCKER_CONFIG to a folder; the login is written to config.json in this folder",
    });
  }
  try {
    await makeFolder(folder, 0o700);
  } catch (cause) {
    throw localIoError(`write ${path}`, cause);
  }
  await changeText({ path, isSecret: true }, changed, context, signal);
}
