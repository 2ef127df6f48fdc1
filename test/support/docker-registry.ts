/** CNCF distribution (Debian's `docker-registry`, or version 3) on a free port, with its storage in a temporary folder. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

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
  /** Gives what another registry has to everybody: `registry` of version 3. */
  readonly proxy?: { readonly remoteurl: string; readonly username: string; readonly password: string };
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

/** Against what hangs. */
const startMs = 60_000;

const ready = /msg="listening on [^"]*:([0-9]+)(?:, tls)?"/;

/** The port that it says it listens at; undefined when it ended before. */
async function portOnceListening(child: ChildProcess, log: () => string): Promise<number | undefined> {
  const until = Date.now() + startMs;
  while (Date.now() < until) {
    const [, port] = ready.exec(log()) ?? [];
    if (port !== undefined) return Number(port);
    if (child.exitCode !== null || child.signalCode !== null) return undefined;
    await delay(50);
  }
  child.kill("SIGKILL");
  throw new Error(`the registry does not listen:\n${log()}`);
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
  const until = Date.now() + startMs;
  while (true) {
    try {
      return await start(program, options);
    } catch (error) {
      // The port of an earlier one may have been given to somebody else's connection for a while.
      const isTaken = options.port !== undefined && String(error).includes("address already in use");
      if (!isTaken || Date.now() > until) throw error;
      await delay(200);
    }
  }
}

async function start(program: string, options: DockerRegistryOptions): Promise<DockerRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-registry-"));
  const storageDir = options.storageDir ?? join(folder, "storage");
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
    // 0: the kernel gives one that nobody has. It would not stay free between a look for it and here.
    http: { addr: `${address}:${options.port ?? 0}`, ...(options.tls === undefined ? {} : { tls: options.tls }) },
    ...authOf(options, htpasswdFile),
    ...(options.proxy === undefined ? {} : { proxy: options.proxy }),
  };
  // JSON is YAML.
  const configFile = join(folder, "config.yml");
  writeFileSync(configFile, JSON.stringify(config));
  const logFile = join(folder, "log");
  const logHandle = openSync(logFile, "a");
  const child = spawn(program, ["serve", configFile], { stdio: ["ignore", logHandle, logHandle] });
  closeSync(logHandle);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const log = (): string => readFileSync(logFile, "utf8");
  const port = await portOnceListening(child, log);
  if (port === undefined) throw new Error(`the registry ended: ${log()}`);
  return {
    host: `${options.address ?? "localhost"}:${port}`,
    storageDir,
    log,
    stop: async () => {
      child.kill();
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
