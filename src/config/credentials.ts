/**
 * Lookup of credentials: `ORAS_TOKEN`, then `ORAS_USER` with `ORAS_PASS`, then the docker configurations. The variables
 * apply only to the registry named by an option or a variable, so that no other host receives them.
 */
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import type { CredentialProvider, Credentials, FoundCredentials } from "../model/credentials.ts";
import { getFromHelper, type KeychainEntry } from "./credential-helper.ts";
import {
  type DockerAuth,
  type DockerConfigFile,
  dockerConfigs,
  namespaceKey,
  serverAddress,
  valueFor,
} from "./docker-config.ts";
import { variable } from "./environment.ts";
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
          hint: "log in again, with `buck2-oras login` or the client that wrote the file",
        },
      );
    }
    // Docker padded passwords with NUL in old files.
    return { kind: "basic", username: decoded.slice(0, colon), password: decoded.slice(colon + 1).replace(/\0+$/, "") };
  }
  if (auth.username && typeof auth.password === "string") {
    return { kind: "basic", username: auth.username, password: auth.password };
  }
  return none;
}

/** Asks a helper; each pair of helper and server is asked once. */
type AskHelper = (entry: KeychainEntry) => Promise<Credentials>;

/** A registry, perhaps with one repository. */
interface Audience {
  readonly registry: string;
  readonly repository: string | undefined;
}

/** The login for the repository's namespace: in the file, or in the helper for all registries. */
async function fromNamespace(
  { path, config }: DockerConfigFile,
  { registry, repository }: Audience,
  askHelper: AskHelper,
): Promise<FoundCredentials> {
  const key = repository === undefined ? undefined : namespaceKey(config.auths, registry, repository);
  const auth = key === undefined ? undefined : config.auths?.[key];
  if (key === undefined || !auth) return { credentials: none, foundIn: path };
  const credentials = fromDockerAuth(auth, path, key);
  if (credentials.kind !== "none" || !config.credsStore) return { credentials, foundIn: `${key} in ${path}` };
  const foundIn = `docker-credential-${config.credsStore} (credsStore in ${path}, ${key})`;
  return { credentials: await askHelper({ helper: config.credsStore, server: key }), foundIn };
}

/**
 * The login for the repository's namespace; else the registry's own helper; without one the file itself, then the
 * helper for all registries.
 */
async function fromDockerConfig(
  file: DockerConfigFile,
  audience: Audience,
  askHelper: AskHelper,
): Promise<FoundCredentials> {
  const found = await fromNamespace(file, audience, askHelper);
  if (found.credentials.kind !== "none") return found;
  const { path, config } = file;
  const { registry } = audience;
  const server = serverAddress(registry);
  const helper = valueFor(config.credHelpers, registry);
  if (helper) {
    const foundIn = `docker-credential-${helper} (credHelpers in ${path})`;
    return { credentials: await askHelper({ helper, server }), foundIn };
  }
  const auth = valueFor(config.auths, registry);
  const credentials = auth ? fromDockerAuth(auth, path, registry) : none;
  if (credentials.kind !== "none" || !config.credsStore) return { credentials, foundIn: path };
  const foundIn = `docker-credential-${config.credsStore} (credsStore in ${path})`;
  return { credentials: await askHelper({ helper: config.credsStore, server }), foundIn };
}

async function fromDockerConfigs(
  audience: Audience,
  files: AsyncIterable<DockerConfigFile>,
  askHelper: AskHelper,
): Promise<FoundCredentials> {
  for await (const file of files) {
    const found = await fromDockerConfig(file, audience, askHelper);
    if (found.credentials.kind !== "none") return found;
  }
  return { credentials: none, foundIn: "nowhere" };
}

/**
 * Reads a variable, without trailing newlines from files and `echo`; undefined for an empty variable.
 *
 * @throws {ConfigurationError} the value has characters that a header cannot hold; the message omits the value
 */
function secretVariable(name: string, context: Context, allowed: RegExp, what: string): string | undefined {
  const value = context.env[name]?.replace(/[\r\n]+$/, "") || undefined;
  if (value === undefined || allowed.test(value)) return value;
  throw new ConfigurationError("CONFIG_INVALID", `authentication: ${name} has characters that ${what} cannot have`, {
    hint: `remove newlines, blanks and quotes from the value; to see them, run: printenv ${name} | od -c`,
  });
}

/** RFC 6750 and RFC 7617: visible ASCII; no control characters, except line breaks and tabs in a password. */
const tokenCharacters = /^[\x21-\x7e]+$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern excludes control characters
const loginCharacters = /^[^\u0000-\u001f\u007f]+$/;

/** A key file of Google's `_json_key` has line breaks; Basic encodes the whole login in base64. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern excludes control characters
const passwordCharacters = /^[^\u0000-\u0008\u000b\u000c\u000e-\u001f\u007f]+$/;

function fromEnvironment(context: Context): FoundCredentials | undefined {
  const token = secretVariable("ORAS_TOKEN", context, tokenCharacters, "a token");
  if (token) return { credentials: { kind: "bearer", token }, foundIn: "ORAS_TOKEN" };
  const username = secretVariable("ORAS_USER", context, loginCharacters, "a user's name");
  const password = secretVariable("ORAS_PASS", context, passwordCharacters, "a password");
  if (username?.includes(":")) {
    const message = "authentication: ORAS_USER has a colon, which a user's name cannot have";
    throw new ConfigurationError("CONFIG_INVALID", message, {
      hint: "set ORAS_USER to the name before the colon, and ORAS_PASS to the password (RFC 7617)",
    });
  }
  if (username && password) {
    return { credentials: { kind: "basic", username, password }, foundIn: "ORAS_USER and ORAS_PASS" };
  }
  return undefined;
}

/** Names the missing variable of half a login. */
function halfLogin(found: FoundCredentials, context: Context): FoundCredentials {
  const [user, password] = [variable(context, "ORAS_USER"), variable(context, "ORAS_PASS")];
  if ((user === undefined) === (password === undefined)) return found;
  const [given, missing] = user === undefined ? ["ORAS_PASS", "ORAS_USER"] : ["ORAS_USER", "ORAS_PASS"];
  return { ...found, credentials: { kind: "none", withheld: `set ${missing} as well: ${given} alone is no login` } };
}

/** The variable with a login that was not used; its value is not looked at. */
function unusedVariable(context: Context): string | undefined {
  return ["ORAS_TOKEN", "ORAS_USER"].find((name) => variable(context, name) !== undefined);
}

/**
 * Provider without credentials, for plain http to a host that only the checkout allows or names: an eavesdropper could
 * read a login.
 */
export function createWithheldCredentials(settings: Settings): CredentialProvider {
  const { configFiles, userConfigPath, allowPlainHttp, anonymousHttpHosts } = settings;
  const [projectFile = "the project's file"] = configFiles;
  return (registry) => {
    const isAllowedByProject = anonymousHttpHosts.has(registry) || !allowPlainHttp;
    const why = isAllowedByProject
      ? `only ${projectFile} allows http for ${registry}`
      : `\`--plain-http\` names no host, and only files of the project name ${registry}`;
    const withheld =
      `allow logins over http, on a trusted network only, with --plain-http=${registry}, ` +
      `or with \`plainHttpHosts\` in ${userConfigPath}; no login was sent, since ${why}`;
    return Promise.resolve({ credentials: { kind: "none", withheld }, foundIn: "nowhere" });
  };
}

/** Reads each item once, when the first reader wants it; a failure stays a failure for later readers. */
function readOnce<T>(items: AsyncIterator<T>): AsyncIterable<T> {
  const steps: Promise<IteratorResult<T>>[] = [];
  return {
    async *[Symbol.asyncIterator]() {
      for (let index = 0; ; index += 1) {
        steps[index] ??= items.next();
        const step = await steps[index];
        if (step === undefined || step.done === true) return;
        yield step.value;
      }
    },
  };
}

/** One lookup: each file is read once, and each helper is asked once per server, at the first request for a login. */
function createLookup(settings: Settings, context: Context, signal: AbortSignal): CredentialProvider {
  const byAudience = new Map<string, Promise<FoundCredentials>>();
  const files = readOnce(dockerConfigs(context));
  const answers = new Map<string, Promise<Credentials>>();
  const askHelper: AskHelper = (entry) => {
    const key = `${entry.helper} ${entry.server}`;
    const answer = answers.get(key) ?? getFromHelper(entry, context, signal);
    answers.set(key, answer);
    return answer;
  };
  const find = async (registry: string, repository: string | undefined): Promise<FoundCredentials> => {
    const own = registry === settings.credentialRegistry ? fromEnvironment(context) : undefined;
    const found = own ?? (await fromDockerConfigs({ registry, repository }, files, askHelper));
    if (found.credentials.kind !== "none") return found;
    if (registry === settings.credentialRegistry) return halfLogin(found, context);
    const unused = unusedVariable(context);
    if (unused === undefined) return found;
    const named = settings.credentialRegistry ?? "none";
    const withheld =
      `set BUCK2_ORAS_REGISTRY=${registry} or give --registry ${registry} to use ${unused} there: the variable is for ` +
      `the registry that an option or a variable names (${named}), and a reference may come from a checkout`;
    return { ...found, credentials: { kind: "none", withheld } };
  };
  return (registry, repository) => {
    const key = repository === undefined ? registry : `${registry}/${repository}`;
    let found = byAudience.get(key);
    if (found === undefined) {
      found = find(registry, repository);
      byAudience.set(key, found);
      void found.then(({ foundIn }) => context.log.debug(`credentials for ${registry}: ${foundIn}`)).catch(() => {});
    }
    return found;
  };
}

/**
 * Credentials by registry and repository, from one lookup until a login is refused.
 *
 * @param signal The command's signal, since all requests share one lookup.
 */
export function createCredentialProvider(
  settings: Settings,
  context: Context,
  signal: AbortSignal,
): CredentialProvider {
  let lookup = createLookup(settings, context, signal);
  const find = (registry: string, repository?: string): Promise<FoundCredentials> => lookup(registry, repository);
  const renewed: CredentialProvider["renewed"] = async (refused, registry, repository) => {
    const before = lookup;
    const held = await before(registry, repository);
    // Of several refused requests, the first one asks anew.
    const isHeld = JSON.stringify(held.credentials) === JSON.stringify(refused);
    if (isHeld && lookup === before) lookup = createLookup(settings, context, signal);
    return await lookup(registry, repository);
  };
  return Object.assign(find, { renewed });
}
