/**
 * Docker's configuration, and Podman's file of the same form: logins in the file itself, and the helpers that keep others.
 *
 * @see docker-login(1), containers-auth.json(5)
 */
import { dirname, join } from "node:path";
import * as v from "valibot";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import { changeText } from "../files/change-text.ts";
import { makeFolder } from "../files/folder.ts";
import { UnfitFileError } from "../files/opened-file.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { folderVariable, variable } from "./environment.ts";

const authSchema = v.object({
  auth: v.optional(v.string()),
  username: v.optional(v.string()),
  password: v.optional(v.string()),
  identitytoken: v.optional(v.string()),
  registrytoken: v.optional(v.string()),
});
const dockerConfigSchema = v.pipe(
  v.unknown(),
  // A list is an object to the schema below, which would find nothing in it.
  v.check((json) => !Array.isArray(json)),
  v.looseObject({
    auths: v.optional(v.nullable(v.record(v.string(), v.nullable(authSchema)))),
    credHelpers: v.optional(v.nullable(v.record(v.string(), v.string()))),
    credsStore: v.optional(v.nullable(v.string())),
  }),
);

export type DockerAuth = v.InferOutput<typeof authSchema>;
export type DockerConfig = v.InferOutput<typeof dockerConfigSchema>;

export interface DockerConfigFile {
  readonly path: string;
  readonly config: DockerConfig;
}

/** Docker's own key for Docker Hub, whatever host the registry answers on. */
const dockerHubKey = "index.docker.io";
const dockerHubHost = "registry-1.docker.io";

/** As Docker writes the host of a registry in front of its own keys and to helpers. */
export function serverAddress(registry: string): string {
  return registry === dockerHubHost ? `https://${dockerHubKey}/v1/` : registry;
}

/**
 * True when a key is for the whole registry: a host, or a URL as older clients wrote it. Matched whole, never by a prefix
 * or a part; a key with the path of a repository is for that repository alone, and not read here.
 */
export function isKeyOf(key: string, registry: string): boolean {
  if (!/^(?:https?:\/\/)?[^/]+(?:\/(?:v[12]\/?)?)?$/i.test(key)) return false;
  const host = (key.replace(/^https?:\/\//i, "").split("/", 1)[0] ?? "").toLowerCase();
  const wanted = registry === dockerHubHost ? dockerHubKey : registry;
  return (host === "docker.io" ? dockerHubKey : host) === wanted;
}

/** The value of the first key that is for the registry. */
export function valueFor<T>(record: Readonly<Record<string, T>> | null | undefined, registry: string): T | undefined {
  return Object.entries(record ?? {}).find(([key]) => isKeyOf(key, registry))?.[1];
}

/** Where `login` writes: `config.json` in `DOCKER_CONFIG` or `~/.docker`. */
export function dockerConfigPath(context: Context): string {
  return join(variable(context, "DOCKER_CONFIG") ?? join(context.homeDir, ".docker"), "config.json");
}

/** Docker's file, Podman's if it is named, and the one that Podman keeps for a session. */
function configPaths(context: Context): readonly string[] {
  const authFile = variable(context, "REGISTRY_AUTH_FILE");
  const runtimeDir = folderVariable(context, "XDG_RUNTIME_DIR");
  return [
    dockerConfigPath(context),
    ...(authFile === undefined ? [] : [authFile]),
    ...(runtimeDir === undefined ? [] : [join(runtimeDir, "containers", "auth.json")]),
  ];
}

/** Tokens of some registries have several kilobytes. */
const maxConfigBytes = 8 * 1024 * 1024;
const otherFolder = "mend the file, or point DOCKER_CONFIG at another folder";

function invalid(path: string, why: string): ConfigurationError {
  return new ConfigurationError("CONFIG_INVALID", `${path} is no docker configuration: ${why}`, {
    hint: otherFolder,
  });
}

/** @param path Names the file in messages, which never show what it holds. */
export function parseDockerConfig(text: string, path: string): DockerConfig {
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds passwords.
    throw invalid(path, "it is not JSON");
  }
  const result = v.safeParse(dockerConfigSchema, json);
  if (result.success) return result.output;
  // Of the outermost field alone: what is below may be named by anything.
  const field = v.getDotPath(result.issues[0])?.split(".", 1)[0] ?? "the whole of it";
  throw invalid(path, `${field} is something else than it has there`);
}

/** @returns undefined when there is no such file. */
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

/** Those that there are, in the order that counts; each is read when it is asked for, so that who has found a login asks no further. */
export async function* dockerConfigs(context: Context): AsyncGenerator<DockerConfigFile> {
  for (const path of configPaths(context)) {
    const config = await readDockerConfig(path);
    if (config !== undefined) yield { path, config };
  }
}

/**
 * Other clients change the file at the same time: what `change` gets is what is there right before it is replaced.
 *
 * @param change Undefined leaves the file as it is.
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
  try {
    await makeFolder(dirname(path), 0o700);
  } catch (cause) {
    throw localIoError(`write ${path}`, cause);
  }
  await changeText({ path, isSecret: true }, changed, context, signal);
}
