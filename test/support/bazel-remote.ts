/** bazel-remote, a remote cache that speaks the protocol of Buck2, on free loopback ports. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { engineConfig, isAnswering, type RemoteEngine, startOnFreePorts } from "./remote-engine.ts";

/** @param program Path of `bazel-remote`. */
export function startBazelRemote(program: string): Promise<RemoteEngine> {
  return startOnFreePorts("bazel-remote", () => start(program));
}

/** Undefined when it ended at once: somebody else was faster to take one of the ports. */
async function start(program: string): Promise<RemoteEngine | undefined> {
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
  if (!(await isAnswering(child, () => isOk(`http://127.0.0.1:${httpPort}/status`)))) {
    await stop();
    return undefined;
  }
  return { config: engineConfig(`grpc://localhost:${grpcPort}`), stop };
}

function isOk(url: string): Promise<boolean> {
  return fetch(url).then(
    (response) => response.ok,
    () => false,
  );
}
