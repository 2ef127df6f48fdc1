/** Registries of a run: all serve one folder, so that what is pushed once can be raced with and without tokens. */
import { mkdirSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { find, startLink } from "../support.mjs";
import { fromTests } from "./from-tests.mjs";

const portOf = (host) => Number(host.split(":")[1]);

/** @param onEnd Receives what ends each server. */
export function createRegistries(work, onEnd) {
  const storageDir = join(work, "storage");
  const started = new Map();

  /** Each server and link is started once. */
  function once(key, start) {
    if (!started.has(key)) started.set(key, start());
    return started.get(key);
  }

  async function startRegistry(names, options) {
    const program = names.map(find).find((path) => path !== undefined);
    if (program === undefined) throw new Error(`no ${names.join(", no ")}`);
    const { startDockerRegistry } = await fromTests(work, "docker-registry.ts");
    const registry = await startDockerRegistry(program, { storageDir, ...options });
    onEnd(() => registry.stop());
    return { ...registry, port: portOf(registry.host) };
  }

  async function startTokens() {
    const { startTokenServer } = await fromTests(work, "token-server.ts");
    const dir = mkdtempSync(join(work, "tokens-"));
    const server = await startTokenServer({ dir, user: "user", password: "secret", publicPrefix: "t/" });
    onEnd(() => server.close());
    const { host } = new URL(server.auth.realm);
    return { ...server, host, port: portOf(host) };
  }

  async function limited(server, limits) {
    const link = await startLink(server, limits);
    onEnd(() => link.stop());
    return link;
  }

  mkdirSync(storageDir, { recursive: true });
  /** Gives everything to everybody. */
  const open = () => once("open", () => startRegistry(["docker-registry", "registry"], {}));
  return {
    open,

    /** The open registry behind a link. */
    openBehind: (limits) => once(`open ${JSON.stringify(limits)}`, async () => await limited(await open(), limits)),

    /** Asks for a login; `folder` has the client's settings with the login. */
    withLogin: (folder) =>
      once("login", async () => {
        const { userSecret } = await fromTests(work, "docker-registry.ts");
        const registry = await startRegistry(["docker-registry", "registry"], { htpasswd: userSecret });
        const auth = Buffer.from("user:secret").toString("base64");
        mkdirSync(folder, { recursive: true });
        writeFileSync(join(folder, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
        return registry;
      }),

    /** The open registry behind a link of its own, which `stop` takes down. */
    passing: async () => await limited(await open(), { bitsPerSecond: 1e10 }),

    /** Asks for tokens, which its service gives to everybody for `t/…`. With limits, both are behind a link. */
    withTokens: (limits = {}) =>
      once(`tokens ${JSON.stringify(limits)}`, async () => {
        const tokens = await startTokens();
        const door = await limited(tokens, limits);
        const token = { ...tokens.auth, realm: `http://${door.host}/token` };
        // Debian's version 2 knows no JSON Web Key Sets.
        const registry = await startRegistry(["registry"], { token });
        return { ...(await limited(registry, limits)), log: registry.log, seen: tokens.seen };
      }),
  };
}
