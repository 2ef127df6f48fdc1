/** Debian's `docker-registry` (CNCF distribution) on a free loopback port, with its storage in a temporary folder. */
import { spawn } from "node:child_process";
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
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
  /** To start again where an earlier one stopped. */
  readonly port?: number;
  readonly storageDir?: string;
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

async function untilAnswering(url: string, hasEnded: () => string | undefined): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const ended = hasEnded();
    if (ended !== undefined) throw new Error(`docker-registry ended: ${ended}`);
    try {
      await fetch(url);
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error(`docker-registry does not answer at ${url}`);
}

/** @param program Path of `docker-registry`. */
export async function startDockerRegistry(
  program: string,
  options: DockerRegistryOptions = {},
): Promise<DockerRegistry> {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-registry-"));
  const storageDir = options.storageDir ?? join(folder, "storage");
  const port = options.port ?? (await freePort());
  const htpasswdFile = join(folder, "htpasswd");
  if (options.htpasswd !== undefined) writeFileSync(htpasswdFile, options.htpasswd);
  const config = {
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: storageDir }, delete: { enabled: true } },
    http: { addr: `127.0.0.1:${port}` },
    ...(options.htpasswd === undefined ? {} : { auth: { htpasswd: { realm: "tests", path: htpasswdFile } } }),
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
  await untilAnswering(`http://127.0.0.1:${port}/v2/`, () => (child.exitCode === null ? undefined : log()));
  return {
    host: `localhost:${port}`,
    storageDir,
    log,
    stop: async () => {
      child.kill();
      await ended;
      if (options.storageDir === undefined) rmSync(folder, { recursive: true, force: true });
    },
  };
}
