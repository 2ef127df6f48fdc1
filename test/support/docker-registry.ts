/** CNCF distribution (Debian's `docker-registry`, or version 3) on a free port, with its storage in a temporary folder. */
import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface DockerRegistry {
  /** `localhost:PORT` */
  readonly host: string;
  /** Folder with the blobs, as `docker/registry/v2/blobs/sha256/ab/<hex>/data`. */
  readonly storageDir: string;
  /** What the registry logged so far: one line per request among it. */
  readonly log: () => string;
  readonly stop: () => Promise<void>;
}

export interface DockerRegistryOptions {
  /** Lines of an htpasswd file (bcrypt); without them everybody may do everything. */
  readonly htpasswd?: string;
  /** Asks for tokens of a service. */
  readonly token?: TokenAuth;
  /** Speaks https with the files of this certificate. */
  readonly tls?: { readonly certificate: string; readonly key: string };
  /** Where it listens: loopback when left out. */
  readonly address?: string;
  /** Left out: it does everything that it is asked to. */
  readonly refuses?: "writes" | "deletion";
  /** To start again where an earlier one stopped. */
  readonly port?: number;
  readonly storageDir?: string;
}

/** @see distribution, docs/content/about/configuration.md, "token" */
export interface TokenAuth {
  readonly realm: string;
  readonly service: string;
  readonly issuer: string;
  /** Path of the service's public keys. */
  readonly jwks: string;
  readonly signingalgorithms: readonly string[];
}

/** `user` with the password `secret`, as `htpasswd -nbB user secret` prints it. */
export const userSecret = "user:$2y$05$THk60qyE72fUWelIcyIPzOfeLOzmOBMhUzYrPs3zlEkxbld5u4U/.\n";

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.on("error", reject);
    server.listen(0, "127.0.0.1", () => {
      const address = server.address();
      const port = typeof address === "object" && address !== null ? address.port : 0;
      server.close(() => resolve(port));
    });
  });
}

function isListening(address: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: address, port });
    const done = (answer: boolean) => (): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once("connect", done(true)).once("error", done(false));
  });
}

async function untilListening(address: string, port: number, hasEnded: () => string | undefined): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const ended = hasEnded();
    if (ended !== undefined) throw new Error(`the registry ended: ${ended}`);
    if (await isListening(address, port)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`the registry does not answer at ${address}:${port}`);
}

function authOf({ htpasswd, token }: DockerRegistryOptions, htpasswdFile: string): object {
  if (htpasswd !== undefined) return { auth: { htpasswd: { realm: "tests", path: htpasswdFile } } };
  return token === undefined ? {} : { auth: { token } };
}

/** @param program Path of `docker-registry`, or of `registry` of version 3. */
export async function startDockerRegistry(
  program: string,
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-registry-"));
  const storageDir = options.storageDir ?? join(folder, "storage");
  const port = options.port ?? (await freePort());
  const { address = "127.0.0.1" } = options;
  const htpasswdFile = join(folder, "htpasswd");
  if (options.htpasswd !== undefined) writeFileSync(htpasswdFile, options.htpasswd);
  const config = {
    version: "0.1",
    log: { level: "info" },
    storage: {
      filesystem: { rootdirectory: storageDir },
      delete: { enabled: options.refuses !== "deletion" },
      ...(options.refuses === "writes" ? { maintenance: { readonly: { enabled: true } } } : {}),
    },
    http: { addr: `${address}:${port}`, ...(options.tls === undefined ? {} : { tls: options.tls }) },
    ...authOf(options, htpasswdFile),
  };
  // JSON is YAML.
  const configFile = join(folder, "config.yml");
  writeFileSync(configFile, JSON.stringify(config));
  const logFile = join(folder, "log");
  writeFileSync(logFile, "");
  const logHandle = openSync(logFile, "a");
  const child = spawn(program, ["serve", configFile], { stdio: ["ignore", logHandle, logHandle] });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const log = (): string => readFileSync(logFile, "utf8");
  await untilListening(address, port, () => (child.exitCode === null ? undefined : log()));
  return {
    host: `${options.address ?? "localhost"}:${port}`,
    storageDir,
    log,
    stop: async () => {
      child.kill();
      await ended;
      if (options.storageDir === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
