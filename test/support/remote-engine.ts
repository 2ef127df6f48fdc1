/** Engines of the remote execution API, which choose no free port themselves. */
import type { ChildProcess } from "node:child_process";
import { setTimeout as delay } from "node:timers/promises";

export interface RemoteEngine {
  /** Lines for a project's configuration. */
  readonly config: string;
  readonly stop: () => Promise<void>;
}

/** @param start Undefined if somebody else was faster to take one of the ports. */
export async function startOnFreePorts<Engine extends RemoteEngine>(
  name: string,
  start: () => Promise<Engine | undefined>,
): Promise<Engine> {
  for (let tries = 0; tries < 5; tries += 1) {
    const started = await start();
    if (started !== undefined) return started;
  }
  throw new Error(`${name} finds no free ports`);
}

/** @param address Such as `grpc://localhost:50051`. */
export function engineConfig(address: string): string {
  return `[buck2]
  digest_algorithms = SHA256

[buck2_re_client]
  engine_address = ${address}
  action_cache_address = ${address}
  cas_address = ${address}
  tls = false
`;
}

/** Whether it answers, and goes on: the answer may be of another server at that port. */
export async function isAnswering(child: ChildProcess, ask: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries < 600 && child.exitCode === null && child.signalCode === null; tries += 1) {
    await delay(100);
    if ((await ask()) && child.exitCode === null) return true;
  }
  return false;
}
