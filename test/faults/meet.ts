/** One program meets one scenario, against a registry of its own. */
import type { ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refuseAuthorization } from "../support/registry/in-process/faults/access.ts";
import {
  type InProcessRegistry,
  type SeenExchange,
  startInProcessRegistry,
} from "../support/registry/in-process/registry.ts";
import { type Ran, run } from "../support/run.ts";
import { blobDigest, fillRegistry, isInFolder, isInRegistry, writeLayout } from "./artifact.ts";
import type { Call, Contender } from "./contenders.ts";
import { blob, type Operation, type Scenario } from "./scenarios/scenario.ts";

export interface Outcome {
  /** Undefined: still running after the cap, and killed. */
  readonly exitCode: number | undefined;
  readonly seconds: number;
  /** Bytes of the blob that went over the wire, in whichever direction. */
  readonly blobBytes: number;
  /** What was to be done is done, and right. */
  readonly isDone: boolean;
  readonly output: string;
  /** At the registry itself. */
  readonly seen: readonly SeenExchange[];
}

interface Timeouts {
  readonly idleSeconds: number;
  readonly totalSeconds: number;
}

/** Those that the names of scenarios speak of. */
const short: Timeouts = { idleSeconds: 2, totalSeconds: 20 };

type Ended = Pick<Ran, "stdout" | "stderr"> & Pick<Outcome, "exitCode">;

async function runCapped({ command, env, input = "" }: Call, dir: string, capMs: number): Promise<Ended> {
  const [program = "", ...args] = command;
  let isLate = false;
  let timer: NodeJS.Timeout | undefined;
  const onStart = (child: ChildProcess): void => {
    timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, capMs);
  };
  const options = { cwd: dir, env: { HOME: dir, DOCKER_CONFIG: dir, ...env }, input, onStart };
  const { exitCode, ...said } = await run(program, args, options);
  clearTimeout(timer);
  return { ...said, exitCode: isLate ? undefined : (exitCode ?? 1) };
}

interface Scene {
  readonly dir: string;
  readonly registry: InProcessRegistry;
  /** Every server that has the blob. */
  readonly servers: readonly InProcessRegistry[];
}

/** What is there before: the file to push, the artifact to pull, no login for who logs in. */
function prepare({ operation, credentials }: Scenario, { dir, registry, servers }: Scene): void {
  const auth = Buffer.from("user:secret").toString("base64");
  const auths = operation === "login" ? {} : { [registry.host]: credentials ?? { auth } };
  writeFileSync(join(dir, "config.json"), JSON.stringify({ auths }));
  if (operation === "push") {
    writeFileSync(join(dir, "tool"), blob);
    writeLayout(join(dir, "layout"));
  } else {
    for (const { storage } of servers) fillRegistry(storage);
  }
  mkdirSync(join(dir, "out"));
}

/** What the project of ours says: the timeouts, and the mirror if there is one. */
function writeProject(dir: string, host: string, mirror: InProcessRegistry | undefined, timeouts: Timeouts): void {
  const registries = mirror === undefined ? {} : { own: { prefix: host, mirrors: [mirror.host] } };
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ timeouts, registries }));
}

function isDone(operation: Operation, { dir, registry }: Scene, { stdout }: Ended): boolean {
  switch (operation) {
    case "pull":
      return isInFolder(join(dir, "out"));
    case "push":
      return isInRegistry(registry.storage);
    case "list":
      return stdout.split("\n").includes("1");
    case "login": {
      const { auths } = JSON.parse(readFileSync(join(dir, "config.json"), "utf8")) as { readonly auths?: object };
      return Object.keys(auths ?? {}).includes(registry.host);
    }
  }
}

function blobBytes(operation: Operation, { registry, servers }: Scene): number {
  if (operation === "push") {
    // Some send it by PATCH, which does not name it; the configuration is the other blob, of 2 bytes.
    const sent = registry.seen.filter(
      ({ path, receivedBytes }) => path.includes("/blobs/uploads/") && receivedBytes > 2,
    );
    return sent.reduce((sum, { receivedBytes }) => sum + receivedBytes, 0);
  }
  const reads = servers.flatMap((server) => server.blobReads()).filter(({ path }) => path.includes(blobDigest));
  return reads.filter(({ status }) => status < 300).reduce((sum, { sentBytes }) => sum + sentBytes, 0);
}

/** @returns Undefined where the contender has nothing that the scenario is about. */
export async function meet(scenario: Scenario, contender: Contender, timeouts = short): Promise<Outcome | undefined> {
  const { operation, mirrorFaults } = scenario;
  if (mirrorFaults !== undefined && !contender.hasMirrors) return undefined;
  const storage = await startInProcessRegistry(refuseAuthorization());
  const mirror = mirrorFaults === undefined ? undefined : await startInProcessRegistry(...mirrorFaults());
  const registry = await startInProcessRegistry(...scenario.faults({ storageOrigin: `http://${storage.host}` }));
  const servers = [registry, storage, ...(mirror === undefined ? [] : [mirror])];
  const dir = mkdtempSync(join(tmpdir(), "buck2-oras-faults-"));
  try {
    const scene = { dir, registry, servers };
    prepare(scenario, scene);
    writeProject(dir, registry.host, mirror, timeouts);
    const call = contender.calls[operation]({ host: registry.host, dir });
    const started = performance.now();
    const ended = await runCapped(call, dir, 2000 * timeouts.totalSeconds);
    const seconds = (performance.now() - started) / 1000;
    return {
      exitCode: ended.exitCode,
      seconds,
      blobBytes: blobBytes(operation, scene),
      isDone: isDone(operation, scene, ended),
      output: ended.stdout + ended.stderr,
      seen: registry.seen,
    };
  } finally {
    for (const server of servers) server.close();
    rmSync(dir, { recursive: true, force: true });
  }
}
