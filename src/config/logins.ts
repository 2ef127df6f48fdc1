/** Storage of logins for `login` and `logout`: the configured credential helper, else the docker configuration. */
import type { Context } from "../context.ts";
import type { CredentialProvider } from "../model/credentials.ts";
import { eraseFromHelper, getFromHelper, type Login, storeInHelper } from "./credential-helper.ts";
import {
  changeDockerConfig,
  type DockerAuth,
  type DockerConfig,
  dockerConfigPath,
  isKeyOf,
  readDockerConfig,
  serverAddress,
  valueFor,
} from "./docker-config.ts";

export interface Erased {
  /** Helpers and files that held the login. */
  readonly removedFrom: readonly string[];
  /** A remaining source of a login for the registry: a variable, or another client's file. */
  readonly remainingIn: string | undefined;
}

export interface Logins {
  /** @returns The helper or file that holds the login. */
  store(registry: string, login: Login, signal: AbortSignal): Promise<string>;
  erase(registry: string, signal: AbortSignal): Promise<Erased>;
}

function withoutKeysOf(registry: string, config: DockerConfig): DockerConfig {
  const rest = Object.entries(config.auths ?? {}).filter(([key]) => !isKeyOf(key, registry));
  return { ...config, auths: Object.fromEntries(rest) };
}

/** @param credentials Credentials of a pull, to find a remaining login after a logout. */
export function createLogins(credentials: CredentialProvider, context: Context): Logins {
  const path = dockerConfigPath(context);

  // A helper may take up to a minute: the change starts from the file's text after the helper has ended.
  const store = async (registry: string, login: Login, signal: AbortSignal): Promise<string> => {
    const server = serverAddress(registry);
    const config = await readDockerConfig(path);
    const helper = valueFor(config?.credHelpers, registry) || config?.credsStore;
    const auth = Buffer.from(`${login.username}:${login.password}`, "utf8").toString("base64");
    // An empty entry, as written by Docker: other clients list the registries with a login by these entries.
    const entry = helper ? {} : { auth };
    if (helper) await storeInHelper({ helper, server }, login, context, signal);
    const withLogin = (now: DockerConfig): DockerConfig => {
      const rest = withoutKeysOf(registry, now);
      return { ...rest, auths: { ...rest.auths, [server]: entry } };
    };
    await changeDockerConfig(path, withLogin, context, signal);
    return helper ? `docker-credential-${helper}` : path;
  };

  const erase = async (registry: string, signal: AbortSignal): Promise<readonly string[]> => {
    const config = await readDockerConfig(path);
    if (config === undefined) return [];
    const removedFrom: string[] = [];
    const server = serverAddress(registry);
    const helper = valueFor(config.credHelpers, registry) || config.credsStore;
    if (helper) {
      // Helpers do not report whether a login existed.
      const { kind } = await getFromHelper({ helper, server }, context, signal);
      if (kind !== "none") removedFrom.push(`docker-credential-${helper}`);
      await eraseFromHelper({ helper, server }, context, signal);
    }
    let entry: DockerAuth | null | undefined;
    const withoutLogin = (now: DockerConfig): DockerConfig | undefined => {
      entry = valueFor(now.auths, registry);
      return entry === undefined ? undefined : withoutKeysOf(registry, now);
    };
    await changeDockerConfig(path, withoutLogin, context, signal);
    // An empty entry only states that the helper holds the login.
    if (Object.values(entry ?? {}).some(Boolean)) removedFrom.push(path);
    return removedFrom;
  };

  return {
    store,
    async erase(registry, signal) {
      const removedFrom = await erase(registry, signal);
      // An unreadable file of another client must not fail the logout.
      const left = await credentials(registry).catch(() => undefined);
      const isLeft = left !== undefined && left.credentials.kind !== "none";
      return { removedFrom, remainingIn: isLeft ? left.foundIn : undefined };
    },
  };
}
