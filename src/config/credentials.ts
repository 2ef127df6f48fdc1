/**
 * Where credentials come from: `ORAS_TOKEN`, then `ORAS_USER` with `ORAS_PASS` (both only for the default registry, so
 * that a reference to another host never carries them there), then the plain `auths` of the docker configuration.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import type { Context } from "../context.ts";
import { ConfigurationError, isErrno, localIoError } from "../errors.ts";
import type { CredentialProvider, Credentials } from "../model/credentials.ts";
import type { Settings } from "./settings.ts";

const none: Credentials = { kind: "none" };

/** Docker's own key for Docker Hub, whatever host the registry answers on. */
const dockerHubKey = "index.docker.io";
const dockerHubHost = "registry-1.docker.io";

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
  v.object({ auths: v.optional(v.nullable(v.record(v.string(), v.nullable(authSchema)))) }),
);
type DockerAuth = v.InferOutput<typeof authSchema>;

/** The host of a key in `auths`: a host, or a URL as older clients wrote it. Matched whole, never by prefix. */
function hostOfKey(key: string): string {
  const host = key.replace(/^https?:\/\//i, "").split("/", 1)[0] ?? "";
  return host.toLowerCase() === "docker.io" ? dockerHubKey : host.toLowerCase();
}

/** True for `host`, `https://host`, `https://host/v1/` and the like; a key with a repository path is not for the host. */
function isHostKey(key: string): boolean {
  return /^(?:https?:\/\/)?[^/]+(?:\/(?:v[12]\/?)?)?$/i.test(key);
}

function fromDockerAuth(auth: DockerAuth, file: string, key: string): Credentials {
  if (auth.registrytoken) return { kind: "bearer", token: auth.registrytoken };
  if (auth.identitytoken) return { kind: "identity", token: auth.identitytoken };
  if (auth.auth) {
    const decoded = Buffer.from(auth.auth, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon < 1) {
      throw new ConfigurationError(
        "CONFIG_INVALID",
        `${file}: \`auth\` of ${JSON.stringify(key)} is not base64 of user:password`,
        {
          hint: "log in again with the client that wrote it, such as `docker login` or `oras login`",
        },
      );
    }
    // docker pads passwords with NUL in old files.
    return { kind: "basic", username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, "") };
  }
  if (auth.username && auth.password !== undefined) {
    return { kind: "basic", username: auth.username, password: auth.password };
  }
  return none;
}

async function readDockerConfig(file: string): Promise<v.InferOutput<typeof dockerConfigSchema> | undefined> {
  let text: string;
  try {
    text = await readFile(file, "utf8");
  } catch (cause) {
    if (isErrno(cause, "ENOENT") || isErrno(cause, "ENOTDIR")) return undefined;
    throw localIoError(`read ${file}`, cause);
  }
  const hint = "mend the file, or point DOCKER_CONFIG at another folder";
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch {
    // The parser's own message quotes the text, which holds passwords.
    throw new ConfigurationError("CONFIG_INVALID", `${file} is not JSON`, { hint });
  }
  const result = v.safeParse(dockerConfigSchema, json);
  if (result.success) return result.output;
  const path = v.getDotPath(result.issues[0]) ?? "the file";
  throw new ConfigurationError("CONFIG_INVALID", `${file}: ${path} is not what a docker configuration has there`, {
    hint,
  });
}

async function fromDockerConfig(registry: string, context: Context): Promise<Credentials> {
  const folder = context.env.DOCKER_CONFIG || join(context.homeDir, ".docker");
  const file = join(folder, "config.json");
  const config = await readDockerConfig(file);
  const wanted = registry === dockerHubHost ? dockerHubKey : registry;
  for (const [key, auth] of Object.entries(config?.auths ?? {})) {
    if (auth !== null && isHostKey(key) && hostOfKey(key) === wanted) {
      context.log.debug(`credentials for ${registry}: ${file}`);
      return fromDockerAuth(auth, file, key);
    }
  }
  return none;
}

function fromEnvironment(context: Context): Credentials {
  const { ORAS_TOKEN: token, ORAS_USER: username, ORAS_PASS: password } = context.env;
  if (token) return { kind: "bearer", token };
  if (username && password) return { kind: "basic", username, password };
  return none;
}

/** Credentials by registry host; each host is looked up once. */
export function createCredentialProvider(settings: Settings, context: Context): CredentialProvider {
  const found = new Map<string, Promise<Credentials>>();
  return (registry) => {
    let credentials = found.get(registry);
    if (credentials === undefined) {
      const own = registry === settings.credentialRegistry ? fromEnvironment(context) : none;
      if (own.kind !== "none") context.log.debug(`credentials for ${registry}: environment`);
      credentials = own.kind === "none" ? fromDockerConfig(registry, context) : Promise.resolve(own);
      found.set(registry, credentials);
    }
    return credentials;
  };
}
