/**
 * Where credentials come from: `ORAS_TOKEN`, then `ORAS_USER` with `ORAS_PASS` (both only for the registry that an option or
 * a variable names, so that a reference to another host never carries them there), then the docker configurations.
 */
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import type { CredentialProvider, Credentials, FoundCredentials } from "../model/credentials.ts";
import { getFromHelper } from "./credential-helper.ts";
import { type DockerAuth, type DockerConfigFile, dockerConfigs, serverAddress, valueFor } from "./docker-config.ts";
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
  signal: AbortSignal,
): Promise<FoundCredentials> {
  const server = serverAddress(registry);
  const helper = valueFor(config.credHelpers, registry);
  if (helper) {
    const source = `docker-credential-${helper} (credHelpers in ${path})`;
    return { credentials: await getFromHelper(helper, server, context, signal), source };
  }
  const auth = valueFor(config.auths, registry);
  const credentials = auth ? fromDockerAuth(auth, path, registry) : none;
  if (credentials.kind !== "none" || !config.credsStore) return { credentials, source: path };
  const source = `docker-credential-${config.credsStore} (credsStore in ${path})`;
  return { credentials: await getFromHelper(config.credsStore, server, context, signal), source };
}

async function fromDockerConfigs(registry: string, context: Context, signal: AbortSignal): Promise<FoundCredentials> {
  for await (const file of dockerConfigs(context)) {
    const found = await fromDockerConfig(file, registry, context, signal);
    if (found.credentials.kind !== "none") return found;
  }
  return { credentials: none, source: "nowhere" };
}

/**
 * A variable without the newline that files and `echo` leave at its end; undefined when it is empty.
 *
 * @throws {ConfigurationError} what is left is nothing that a header can hold; the message does not show it
 */
function secretVariable(name: string, context: Context, allowed: RegExp, what: string): string | undefined {
  const value = context.env[name]?.replace(/[\r\n]+$/, "") || undefined;
  if (value === undefined || allowed.test(value)) return value;
  throw new ConfigurationError("CONFIG_INVALID", `authentication: ${name} has characters that ${what} cannot have`, {
    hint: `look for a newline, a blank or a quote that came along with it; see them with: printenv ${name} | od -c`,
  });
}

/** RFC 6750 and RFC 7617: visible ASCII; no control characters. */
const tokenCharacters = /^[\x21-\x7e]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is not allowed
const loginCharacters = /^[^\u0000-\u001f\u007f]+$/;

function fromEnvironment(context: Context): FoundCredentials | undefined {
  const token = secretVariable("ORAS_TOKEN", context, tokenCharacters, "a token");
  if (token) return { credentials: { kind: "bearer", token }, source: "ORAS_TOKEN" };
  const username = secretVariable("ORAS_USER", context, loginCharacters, "a user's name");
  const password = secretVariable("ORAS_PASS", context, loginCharacters, "a password");
  if (username && password) {
    return { credentials: { kind: "basic", username, password }, source: "ORAS_USER and ORAS_PASS" };
  }
  return undefined;
}

/** For hosts that a checkout alone allows http for, or names behind a bare `--plain-http`: whoever listens there would read the login. */
export function createWithheldCredentials(settings: Settings): CredentialProvider {
  const { configFiles, userConfigPath, allowPlainHttp, anonymousHttpHosts } = settings;
  const [projectFile = "the project's file"] = configFiles;
  return (registry) => {
    const isAllowedByProject = anonymousHttpHosts.has(registry) || !allowPlainHttp;
    const why = isAllowedByProject
      ? `only ${projectFile} allows http for ${registry}`
      : `\`--plain-http\` names no host, and only files of the project name ${registry}`;
    const withheld =
      `no login was sent, since ${why}: if you trust the network, allow it with ` +
      `--plain-http=${registry}, or in \`plainHttpHosts\` of ${userConfigPath}`;
    return Promise.resolve({ credentials: { kind: "none", withheld }, source: "nowhere" });
  };
}

/**
 * Credentials by registry host; each host is looked up once, when it asks for a login.
 *
 * @param signal Of the whole command, not of the one request that asks first: all wait for the same answer.
 */
export function createCredentialProvider(
  settings: Settings,
  context: Context,
  signal: AbortSignal,
): CredentialProvider {
  const byRegistry = new Map<string, Promise<FoundCredentials>>();
  const find = async (registry: string): Promise<FoundCredentials> => {
    const own = registry === settings.credentialRegistry ? fromEnvironment(context) : undefined;
    return own ?? (await fromDockerConfigs(registry, context, signal));
  };
  return (registry) => {
    let found = byRegistry.get(registry);
    if (found === undefined) {
      found = find(registry);
      byRegistry.set(registry, found);
      void found.then(({ source }) => context.log.debug(`credentials for ${registry}: ${source}`)).catch(() => {});
    }
    return found;
  };
}
