/**
 * Where credentials come from: `ORAS_TOKEN`, then `ORAS_USER` with `ORAS_PASS` (both only for the registry that an option or
 * a variable names, so that a reference to another host never carries them there), then the docker configurations.
 */
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import type { CredentialProvider, Credentials, FoundCredentials } from "../model/credentials.ts";
import { getFromHelper } from "./credential-helper.ts";
import { type DockerAuth, type DockerConfigFile, readDockerConfigs, serverAddress, valueFor } from "./docker-config.ts";
import type { Settings } from "./settings.ts";

const none: Credentials = { kind: "none" };

function fromDockerAuth(auth: DockerAuth, file: string, registry: string): Credentials {
  if (auth.registrytoken) return { kind: "bearer", token: auth.registrytoken };
  if (auth.identitytoken) return { kind: "identity", token: auth.identitytoken };
  if (auth.auth) {
    const decoded = Buffer.from(auth.auth, "base64").toString("utf8");
    const colon = decoded.indexOf(":");
    if (colon < 1) {
      throw new ConfigurationError(
        "CONFIG_INVALID",
        `${file}: \`auth\` of ${registry} is not base64 of user:password`,
        {
          hint: "log in again, with `buck2-oras login` or the client that wrote it",
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

/** The helper for this registry, else what stands in the file, else what the helper for all registries keeps. */
async function fromDockerConfig(
  { path, config }: DockerConfigFile,
  registry: string,
  context: Context,
): Promise<FoundCredentials> {
  const server = serverAddress(registry);
  const helper = valueFor(config.credHelpers, registry);
  if (helper) {
    const source = `docker-credential-${helper} (credHelpers in ${path})`;
    return { credentials: await getFromHelper(helper, server, context), source };
  }
  const auth = valueFor(config.auths, registry);
  const credentials = auth ? fromDockerAuth(auth, path, registry) : none;
  if (credentials.kind !== "none" || !config.credsStore) return { credentials, source: path };
  const source = `docker-credential-${config.credsStore} (credsStore in ${path})`;
  return { credentials: await getFromHelper(config.credsStore, server, context), source };
}

async function fromDockerConfigs(registry: string, context: Context): Promise<FoundCredentials> {
  for (const file of await readDockerConfigs(context)) {
    const found = await fromDockerConfig(file, registry, context);
    if (found.credentials.kind !== "none") return found;
  }
  return { credentials: none, source: "nowhere" };
}

function fromEnvironment(context: Context): FoundCredentials | undefined {
  const { ORAS_TOKEN: token, ORAS_USER: username, ORAS_PASS: password } = context.env;
  if (token) return { credentials: { kind: "bearer", token }, source: "ORAS_TOKEN" };
  if (username && password) {
    return { credentials: { kind: "basic", username, password }, source: "ORAS_USER and ORAS_PASS" };
  }
  return undefined;
}

/** Credentials by registry host; each host is looked up once, when it asks for a login. */
export function createCredentialProvider(settings: Settings, context: Context): CredentialProvider {
  const byRegistry = new Map<string, Promise<FoundCredentials>>();
  return (registry) => {
    let found = byRegistry.get(registry);
    if (found === undefined) {
      const own = registry === settings.credentialRegistry ? fromEnvironment(context) : undefined;
      found = own === undefined ? fromDockerConfigs(registry, context) : Promise.resolve(own);
      byRegistry.set(registry, found);
      void found.then(({ source }) => context.log.debug(`credentials for ${registry}: ${source}`)).catch(() => {});
    }
    return found;
  };
}
