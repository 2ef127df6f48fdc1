/** Where `login` puts a login and `logout` takes it from: a credential helper if one is configured, else the docker configuration. */
import type { Context } from "../context.ts";
import { eraseFromHelper, type Login, storeInHelper } from "./credential-helper.ts";
import {
  type DockerConfig,
  dockerConfigPath,
  isKeyOf,
  readDockerConfig,
  serverAddress,
  valueFor,
  writeDockerConfig,
} from "./docker-config.ts";

export interface Logins {
  /** @returns Where it is kept now: a helper or a file. */
  store(registry: string, login: Login): Promise<string>;
  /** @returns Where it was kept; undefined when there was none. */
  erase(registry: string): Promise<string | undefined>;
}

function withoutKeysOf(registry: string, config: DockerConfig): DockerConfig {
  const rest = Object.entries(config.auths ?? {}).filter(([key]) => !isKeyOf(key, registry));
  return { ...config, auths: Object.fromEntries(rest) };
}

export function createLogins(context: Context): Logins {
  const path = dockerConfigPath(context);
  return {
    async store(registry, login) {
      const server = serverAddress(registry);
      const config = (await readDockerConfig(path)) ?? {};
      const helper = valueFor(config.credHelpers, registry) || config.credsStore;
      const rest = withoutKeysOf(registry, config);
      if (helper) {
        await storeInHelper(helper, server, login, context);
        // An empty entry, as Docker leaves one: other clients list the registries that have a login by it.
        await writeDockerConfig(path, { ...rest, auths: { ...rest.auths, [server]: {} } });
        return `docker-credential-${helper}`;
      }
      const auth = Buffer.from(`${login.username}:${login.password}`, "utf8").toString("base64");
      await writeDockerConfig(path, { ...rest, auths: { ...rest.auths, [server]: { auth } } });
      return path;
    },

    async erase(registry) {
      const config = await readDockerConfig(path);
      if (config === undefined) return undefined;
      const helper = valueFor(config.credHelpers, registry) || config.credsStore;
      const isInFile = valueFor(config.auths, registry) !== undefined;
      if (helper) await eraseFromHelper(helper, serverAddress(registry), context);
      if (isInFile) await writeDockerConfig(path, withoutKeysOf(registry, config));
      if (helper) return `docker-credential-${helper}`;
      return isInFile ? path : undefined;
    },
  };
}
