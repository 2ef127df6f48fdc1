/** bazel-remote, a remote cache that speaks the protocol of Buck2, on free loopback ports. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { freePort } from "./free-port.ts";

export interface RemoteCache {
  /** Lines for a project's configuration. */
  readonly config: string;
  readonly stop: () => Promise<void>;
}

/** @param program Path of `bazel-remote`. */
export async function startBazelRemote(program: string): Promise<RemoteCache> {
  for (let tries = 0; tries < 5; tries += 1) {
    const started = await start(program);
    if (started !== undefined) return started;
  }
  throw new Error("bazel-remote finds no free ports");
}

/** Undefined when it ended at once: somebody else was faster to take one of the ports. */
async function start(program: string): Promise<RemoteCache | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "buck2-oras-remote-cache-"));
  const [grpcPort, httpPort] = [await freePort(), await freePort()];
  const addresses = [`--grpc_address=127.0.0.1:${grpcPort}`, `--http_address=127.0.0.1:${httpPort}`];
  const child = spawn(program, ["--dir", dir, "--max_size", "1", ...addresses], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill();
    await ended;
    rmSync(dir, { recursive: true, force: true });
  };
  if (!(await isAnswering(`http://127.0.0.1:${httpPort}/status`, child))) {
    await stop();
    return undefined;
  }
  const address = `grpc://localhost:${grpcPort}`;
  return {
    config: `[buck2]
  digest_algorithms = SHA256

[buck2_re_client]
  engine_address = ${address}
  action_cache_address = ${address}
  cas_address = ${address}
  tls = false
`,
    stop,
  };
}

/** Whether it answers, and goes on: the answer may be of another server at that port. */
async function isAnswering(url: string, child: ChildProcess): Promise<boolean> {
  for (let tries = 0; tries < 600 && child.exitCode === null && child.signalCode === null; tries += 1) {
    await delay(100);
    const isUp = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp && child.exitCode === null) return true;
  }
  return false;
}
