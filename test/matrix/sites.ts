/** Registries as teams run them: with a login, with tokens, with a private authority, behind a proxy. */
import { mkdirSync, writeFileSync } from "node:fs";
import { networkInterfaces } from "node:os";
import { join } from "node:path";
import type { TestContext } from "vitest";
import { startDockerRegistry, userSecret } from "../support/docker-registry.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { createPrivateCa } from "../support/private-ca.ts";
import { startForwardProxy } from "../support/proxy.ts";
import { startTokenServer } from "../support/token-server.ts";

export interface Site {
  readonly host: string;
  /** Working folder, with a docker configuration in `docker/`. */
  readonly dir: string;
  /** For every program that is to reach the registry. */
  readonly env: Readonly<Record<string, string>>;
  /** Flags of `oras` and `crane`. */
  readonly orasFlags: readonly string[];
  readonly craneFlags: readonly string[];
  /** Throws when the way that the site is about was not taken. */
  readonly check: () => void;
}

export interface Kind {
  readonly name: string;
  readonly start: (context: TestContext) => Promise<Site>;
}

const login = { user: "user", password: "secret" } as const;

/** An address of this machine that is not loopback: clients treat that one as something of its own. */
export function ownAddress(context: TestContext): string {
  const addresses = Object.values(networkInterfaces()).flat();
  const own = addresses.find((one) => one !== undefined && !one.internal && one.family === "IPv4");
  return own?.address ?? context.skip("this machine has no address but loopback");
}

/** A folder with a docker configuration that has a login for the host. */
function folderWithLogin(host: string, dir = temporaryFolder()): { dir: string; env: Record<string, string> } {
  mkdirSync(join(dir, "docker"), { recursive: true });
  const auth = Buffer.from(`${login.user}:${login.password}`).toString("base64");
  writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ auths: { [host]: { auth } } }));
  return { dir, env: { DOCKER_CONFIG: join(dir, "docker"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } };
}

const plain = { orasFlags: ["--plain-http"], craneFlags: ["--insecure"] } as const;

export const kinds: readonly Kind[] = [
  {
    name: "docker-registry with htpasswd",
    async start(context) {
      const registry = await startDockerRegistry(requireProgram(context, "docker-registry"), { htpasswd: userSecret });
      context.onTestFinished(registry.stop);
      return { host: registry.host, ...folderWithLogin(registry.host), ...plain, check: () => {} };
    },
  },
  {
    name: "distribution v3 with a token service",
    async start(context) {
      const program = requireProgram(context, "registry");
      const dir = temporaryFolder();
      const tokens = await startTokenServer({ dir, ...login, publicPrefix: "public/" });
      context.onTestFinished(tokens.close);
      const registry = await startDockerRegistry(program, { token: tokens.auth });
      context.onTestFinished(registry.stop);
      const check = (): void => {
        const pushes = tokens.seen.filter((line) => /^user repository:\S+:pull,push$/.test(line));
        if (pushes.length === 0) throw new Error(`nobody asked for a token to push: ${tokens.seen.join("; ")}`);
      };
      return { host: registry.host, ...folderWithLogin(registry.host, dir), ...plain, check };
    },
  },
  {
    name: "TLS with a private authority and a login",
    async start(context) {
      const address = ownAddress(context);
      const dir = temporaryFolder();
      const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
      const program = requireProgram(context, "docker-registry");
      const tls = ca.sign(address);
      const registry = await startDockerRegistry(program, { address, tls, htpasswd: userSecret });
      context.onTestFinished(registry.stop);
      const { env } = folderWithLogin(registry.host, dir);
      // The variable that clients in Go know.
      const trusting = { ...env, SSL_CERT_FILE: ca.certificate };
      return { host: registry.host, dir, env: trusting, orasFlags: [], craneFlags: [], check: () => {} };
    },
  },
  {
    name: "TLS behind a proxy that wants a login",
    async start(context) {
      const address = ownAddress(context);
      const dir = temporaryFolder();
      const ca = createPrivateCa(requireProgram(context, "openssl"), dir);
      const program = requireProgram(context, "docker-registry");
      const tls = ca.sign(address);
      const registry = await startDockerRegistry(program, { address, tls, htpasswd: userSecret });
      context.onTestFinished(registry.stop);
      const proxy = await startForwardProxy("proxy user:p@ss");
      context.onTestFinished(proxy.close);
      const { env } = folderWithLogin(registry.host, dir);
      const through = { HTTPS_PROXY: `http://proxy%20user:p%40ss@${proxy.host}`, SSL_CERT_FILE: ca.certificate };
      const check = (): void => {
        if (!proxy.passed.includes(registry.host)) throw new Error("the proxy was not used");
      };
      return { host: registry.host, dir, env: { ...env, ...through }, orasFlags: [], craneFlags: [], check };
    },
  },
];
