/** zot, a registry with the referrers API, on a free port of loopback with its storage in a temporary folder. */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

export interface Zot {
  /** `localhost:PORT` */
  readonly host: string;
  readonly stop: () => Promise<void>;
}

/** Against what hangs. */
const startMs = 60_000;

/** A registry that zot copies artifacts from, when somebody asks for a manifest. */
export interface Upstream {
  /** `HOST:PORT`, over http. */
  readonly host: string;
  readonly username: string;
  readonly password: string;
}

/** @see zot, examples/config-sync.json */
function syncOf({ host, username, password }: Upstream, folder: string): object {
  const credentialsFile = join(folder, "credentials.json");
  writeFileSync(credentialsFile, JSON.stringify({ [host]: { username, password } }));
  const registry = { urls: [`http://${host}`], onDemand: true, tlsVerify: false, content: [{ prefix: "**" }] };
  return { extensions: { sync: { enable: true, credentialsFile, registries: [registry] } } };
}

/**
 * @param program Path of `zot`.
 * @param htpasswd Lines of an htpasswd file (bcrypt); without them everybody may do everything.
 * @param upstream Only a zot that was built with the extension `sync` obeys it.
 */
export async function startZot(program: string, htpasswd?: string, upstream?: Upstream): Promise<Zot> {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-zot-"));
  const users = join(folder, "htpasswd");
  if (htpasswd !== undefined) writeFileSync(users, htpasswd);
  const auth = htpasswd === undefined ? {} : { auth: { htpasswd: { path: users } } };
  const config = {
    distSpecVersion: "1.1.1",
    storage: { rootDirectory: join(folder, "storage"), ...(upstream === undefined ? {} : { gc: false }) },
    // 0: the kernel chooses one.
    http: { address: "127.0.0.1", port: "0", ...auth },
    log: { level: "info" },
    ...(upstream === undefined ? {} : syncOf(upstream, folder)),
  };
  const file = join(folder, "config.json");
  writeFileSync(file, JSON.stringify(config));
  const logFile = join(folder, "log");
  const handle = openSync(logFile, "a");
  const child = spawn(program, ["serve", file], { stdio: ["ignore", handle, handle] });
  closeSync(handle);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };
  const until = Date.now() + startMs;
  while (Date.now() < until && child.exitCode === null) {
    const port = /kernel chosen port","port":([0-9]+)/.exec(readFileSync(logFile, "utf8"))?.[1];
    if (port !== undefined && (await isAnswering(port))) return { host: `localhost:${port}`, stop };
    await delay(50);
  }
  const log = readFileSync(logFile, "utf8");
  await stop();
  throw new Error(`zot does not answer:\n${log}`);
}

async function isAnswering(port: string): Promise<boolean> {
  const answer = await fetch(`http://127.0.0.1:${port}/v2/`).catch(() => undefined);
  await answer?.body?.cancel();
  return answer !== undefined;
}
