/** Where `login` puts a login and `logout` takes it from: a credential helper if one is configured, else the docker configuration. */
import { dirname } from "node:path";
import type { Context } from "../context.ts";
import { localIoError } from "../errors.ts";
import { makeFolder } from "../files/folder.ts";
import { withOwnLock } from "../files/lock.ts";
import type { CredentialProvider } from "../model/credentials.ts";
import { eraseFromHelper, getFromHelper, type Login, storeInHelper } from "./credential-helper.ts";
import {
  type DockerConfig,
  dockerConfigPath,
  isKeyOf,
  readDockerConfig,
  serverAddress,
  valueFor,
  writeDockerConfig,
} from "./docker-config.ts";

export interface Erased {
  /** Where a login was, and is no longer. */
  readonly removedFrom: readonly string[];
  /** What gives a login of the registry all the same: a variable, or a file of another client. */
  readonly remainingIn: string | undefined;
}

export interface Logins {
  /** @returns Where it is kept now: a helper or a file. */
  store(registry: string, login: Login, signal: AbortSignal): Promise<string>;
  erase(registry: string, signal: AbortSignal): Promise<Erased>;
}

function withoutKeysOf(registry: string, config: DockerConfig): DockerConfig {
  const rest = Object.entries(config.auths ?? {}).filter(([key]) => !isKeyOf(key, registry));
  return { ...config, auths: Object.fromEntries(rest) };
}

/** Two commands that read, change and write the file at once would lose what one of them wrote. */
async function whileLocked<T>(path: string, context: Context, signal: AbortSignal, work: () => Promise<T>): Promise<T> {
  try {
    await makeFolder(dirname(path), 0o700);
    return await withOwnLock(`${path}.lock`, path, context, signal, work);
  } catch (cause) {
    signal.throwIfAborted();
    throw localIoError(`write ${path}`, cause);
  }
}

/** @param credentials What a pull would use, for whether anything is left after a logout. */
export function createLogins(credentials: CredentialProvider, context: Context): Logins {
  const path = dockerConfigPath(context);

  const store = async (registry: string, login: Login, signal: AbortSignal): Promise<string> => {
    const server = serverAddress(registry);
    const config = (await readDockerConfig(path)) ?? {};
    const helper = valueFor(config.credHelpers, registry) || config.credsStore;
    const rest = withoutKeysOf(registry, config);
    if (helper) {
      await storeInHelper(helper, server, login, context, signal);
      // An empty entry, as Docker leaves one: other clients list the registries that have a login by it.
      await writeDockerConfig(path, { ...rest, auths: { ...rest.auths, [server]: {} } });
      return `docker-credential-${helper}`;
    }
    const auth = Buffer.from(`${login.username}:${login.password}`, "utf8").toString("base64");
    await writeDockerConfig(path, { ...rest, auths: { ...rest.auths, [server]: { auth } } });
    return path;
  };

  const erase = async (registry: string, signal: AbortSignal): Promise<readonly string[]> => {
    const config = await readDockerConfig(path);
    if (config === undefined) return [];
    const removedFrom: string[] = [];
    const server = serverAddress(registry);
    const helper = valueFor(config.credHelpers, registry) || config.credsStore;
    if (helper) {
      // Helpers erase what is not there without a word.
      const { kind } = await getFromHelper(helper, server, context, signal);
      if (kind !== "none") removedFrom.push(`docker-credential-${helper}`);
      await eraseFromHelper(helper, server, context, signal);
    }
    const entry = valueFor(config.auths, registry);
    if (entry !== undefined) await writeDockerConfig(path, withoutKeysOf(registry, config));
    // An empty one only says that the helper has it.
    if (Object.values(entry ?? {}).some(Boolean)) removedFrom.push(path);
    return removedFrom;
  };

  return {
    store: (registry, login, signal) => whileLocked(path, context, signal, () => store(registry, login, signal)),
    async erase(registry, signal) {
      const removedFrom = await whileLocked(path, context, signal, () => erase(registry, signal));
      // A file of another client that cannot be read is not what was asked about.
      const left = await credentials(registry).catch(() => undefined);
      const isLeft = left !== undefined && left.credentials.kind !== "none";
      return { removedFrom, remainingIn: isLeft ? left.source : undefined };
    },
  };
}
