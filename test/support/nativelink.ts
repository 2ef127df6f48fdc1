/** NativeLink on free loopback ports: CAS, action cache, scheduler and one worker in a process. */
import { spawn } from "node:child_process";
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "./free-port.ts";
import { engineConfig, isAnswering, type RemoteEngine, startOnFreePorts } from "./remote-engine.ts";

export interface NativeLink extends RemoteEngine {
  /** Bytes that the CAS holds. */
  readonly storedBytes: () => number;
}

type Env = Readonly<Record<string, string>>;

export interface WorkerOptions {
  readonly env?: Env;
  readonly script?: readonly string[];
  /** Size of the CAS, and of the copy that the worker keeps, in bytes, beyond which the least recently used content goes. */
  readonly casBytes?: number;
  /** Whether the action cache gives only results whose outputs the CAS holds. */
  readonly isChecked?: boolean;
  /** Whether the CAS compares what is uploaded with its digest; default true. */
  readonly isVerifying?: boolean;
}

const plentyBytes = 4_000_000_000;

/**
 * @param program Path of `nativelink`.
 * @param worker What the worker adds to the environment of each action, and the lines of a shell script that runs each
 * action, whose words are the script's arguments.
 */
export function startNativeLink(program: string, worker: WorkerOptions = {}): Promise<NativeLink> {
  return startOnFreePorts("NativeLink", () => start(program, worker));
}

function bytesBelow(dir: string): number {
  const files = readdirSync(dir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(join(parentPath, name)).size, 0);
}

function filesystemStore(dir: string, name: string, maxBytes = plentyBytes): object {
  const eviction = { max_bytes: maxBytes };
  return {
    filesystem: {
      content_path: join(dir, name, "content"),
      temp_path: join(dir, name, "temp"),
      eviction_policy: eviction,
    },
  };
}

interface Place {
  readonly port: number;
  readonly workerPort: number;
  readonly casBytes: number | undefined;
  readonly isChecked: boolean;
  readonly isVerifying: boolean;
}

/** @see nativelink-config/examples/local_rbe_self_test.json5 of NativeLink 1.6 */
function configuration(
  dir: string,
  {
    port,
    workerPort,
    env,
    entrypoint,
    casBytes,
    isChecked,
    isVerifying,
  }: Place & { readonly env: Env; readonly entrypoint: string | undefined },
): object {
  const added = Object.entries(env).map(([name, value]) => [name, { value }]);
  const slow = { ref_store: { name: "CAS" } };
  const results = filesystemStore(dir, "ac");
  const checked = { completeness_checking: { backend: results, cas_store: slow } };
  const cas = filesystemStore(dir, "cas", casBytes);
  const verified = { verify: { backend: cas, verify_size: true, verify_hash: true } };
  return {
    stores: [
      { name: "CAS", ...(isVerifying ? verified : cas) },
      { name: "AC", ...(isChecked ? checked : results) },
      { name: "WORKER", fast_slow: { fast: filesystemStore(dir, "worker", casBytes), slow } },
    ],
    schedulers: [{ name: "SCHEDULER", simple: { supported_platform_properties: { OSFamily: "priority" } } }],
    workers: [
      {
        local: {
          worker_api_endpoint: { uri: `grpc://127.0.0.1:${workerPort}` },
          cas_fast_slow_store: "WORKER",
          upload_action_result: { ac_store: "AC" },
          ...(entrypoint === undefined ? {} : { entrypoint }),
          work_directory: join(dir, "work"),
          platform_properties: { OSFamily: { values: [""] } },
          additional_environment: Object.fromEntries(added),
        },
      },
    ],
    servers: [
      {
        name: "public",
        listener: { http: { socket_address: `127.0.0.1:${port}` } },
        services: {
          cas: [{ cas_store: "CAS" }],
          ac: [{ ac_store: "AC" }],
          bytestream: [{ cas_store: "CAS" }],
          execution: [{ cas_store: "CAS", scheduler: "SCHEDULER" }],
          capabilities: [{ remote_execution: { scheduler: "SCHEDULER" } }],
        },
      },
      {
        name: "worker",
        listener: { http: { socket_address: `127.0.0.1:${workerPort}` } },
        services: { worker_api: { scheduler: "SCHEDULER" } },
      },
    ],
  };
}

/** Undefined when it ended at once: somebody else was faster to take one of the ports. */
async function start(
  program: string,
  { env = {}, script, casBytes, isChecked = false, isVerifying = true }: WorkerOptions,
): Promise<NativeLink | undefined> {
  const dir = mkdtempSync(join(tmpdir(), "buck2-oras-nativelink-"));
  const [port, workerPort] = [await freePort(), await freePort()];
  const configFile = join(dir, "config.json5");
  const entrypoint = script === undefined ? undefined : join(dir, "entrypoint");
  if (entrypoint !== undefined) writeFileSync(entrypoint, `#!/bin/sh\n${script?.join("\n")}\n`, { mode: 0o755 });
  writeFileSync(
    configFile,
    JSON.stringify(configuration(dir, { port, workerPort, env, entrypoint, casBytes, isChecked, isVerifying })),
  );
  const logFile = join(dir, "log");
  const log = openSync(logFile, "a");
  const child = spawn(program, [configFile], { stdio: ["ignore", log, log] });
  closeSync(log);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const stop = async (): Promise<void> => {
    child.kill("SIGKILL");
    await ended;
    rmSync(dir, { recursive: true, force: true, maxRetries: 3 });
  };
  if (!(await isAnswering(child, () => isListening(port)))) {
    const text = readFileSync(logFile, "utf8");
    await stop();
    if (text.includes("in use")) return undefined;
    throw new Error(`NativeLink ended:\n${text}`);
  }
  const config = engineConfig(`grpc://127.0.0.1:${port}`);
  return { config, stop, storedBytes: () => bytesBelow(join(dir, "cas", "content")) };
}

function isListening(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    socket.once("error", () => resolve(false));
  });
}
