/** bazel-remote, a remote cache that speaks the protocol of Buck2, on free loopback ports. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./docker-registry.ts";

export interface RemoteCache {
  /** Lines for a project's configuration. */
  readonly config: string;
  readonly stop: () => Promise<void>;
}

/** @param program Path of `bazel-remote`. */
export async function startBazelRemote(program: string): Promise<RemoteCache> {
  const dir = mkdtempSync(join(tmpdir(), "buck2-oras-remote-cache-"));
  const [grpcPort, httpPort] = [await freePort(), await freePort()];
  const addresses = [`--grpc_address=127.0.0.1:${grpcPort}`, `--http_address=127.0.0.1:${httpPort}`];
  const child = spawn(program, ["--dir", dir, "--max_size", "1", ...addresses], { stdio: "ignore" });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  await untilAnswering(`http://127.0.0.1:${httpPort}/status`);
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
    stop: async () => {
      child.kill();
      await ended;
      rmSync(dir, { recursive: true, force: true });
    },
  };
}

async function untilAnswering(url: string): Promise<void> {
  for (let tries = 0; tries < 200; tries += 1) {
    const isUp = await fetch(url).then(
      (response) => response.ok,
      () => false,
    );
    if (isUp) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`bazel-remote does not answer at ${url}`);
}
