/** Whole pulls of one scenario by one program, against a registry of its own. */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { refuseAuthorization } from "../support/registry/in-process/faults.ts";
import { type InProcessRegistry, startInProcessRegistry } from "../support/registry/in-process/registry.ts";
import { blob, type Scenario } from "./scenarios.ts";

export interface Outcome {
  /** Undefined: still running after the cap, and killed. */
  readonly exitCode: number | undefined;
  readonly seconds: number;
  /** Blob bytes that the registry sent. */
  readonly blobBytes: number;
  /** The file was there and right. */
  readonly isWhole: boolean;
  readonly stderr: string;
}

/** A program with its arguments. @param dir A folder for what it writes. */
export type Contender = (
  host: string,
  dir: string,
) => { readonly command: readonly string[]; readonly env?: Record<string, string> };

const capMs = 40_000;
const digest = `sha256:${createHash("sha256").update(blob).digest("hex")}`;

/** Fills a registry with `t/tool:1`, one file, as `oras push` would. */
function fill({ storage }: InProcessRegistry): void {
  const { blobs, manifests, tags } = storage.open("t/tool");
  const config = Buffer.from("{}");
  const configDigest = `sha256:${createHash("sha256").update(config).digest("hex")}`;
  const bytes = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      artifactType: "application/vnd.example.tool",
      config: { mediaType: "application/vnd.oci.empty.v1+json", digest: configDigest, size: config.length },
      layers: [
        {
          mediaType: "application/octet-stream",
          digest,
          size: blob.length,
          annotations: { "org.opencontainers.image.title": "tool" },
        },
      ],
    }),
  );
  const manifestDigest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
  blobs.set(digest, blob);
  blobs.set(configDigest, config);
  manifests.set(manifestDigest, { mediaType: "application/vnd.oci.image.manifest.v1+json", bytes });
  tags.set("1", manifestDigest);
}

function run(
  command: readonly string[],
  cwd: string,
  env: Record<string, string>,
): Promise<Pick<Outcome, "exitCode" | "stderr">> {
  return new Promise((resolve) => {
    const [program = "", ...args] = command;
    const child = spawn(program, args, { cwd, env, stdio: ["ignore", "ignore", "pipe"] });
    let stderr = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr += text;
    });
    let isLate = false;
    const timer = setTimeout(() => {
      isLate = true;
      child.kill("SIGKILL");
    }, capMs);
    child.on("close", (code) => {
      clearTimeout(timer);
      resolve({ exitCode: isLate ? undefined : (code ?? 1), stderr });
    });
  });
}

/** Any file below the folder with the blob's bytes. */
function hasBlob(dir: string): boolean {
  return readdirSync(dir, { recursive: true, withFileTypes: true }).some((entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() && statSync(path).size === blob.length && readFileSync(path).equals(blob);
  });
}

export async function pullOnce(scenario: Scenario, contender: Contender): Promise<Outcome> {
  const storage = await startInProcessRegistry(refuseAuthorization());
  const registry = await startInProcessRegistry(...scenario.faults({ storageOrigin: `http://${storage.host}` }));
  const dir = mkdtempSync(join(tmpdir(), "buck2-oras-faults-"));
  try {
    fill(registry);
    fill(storage);
    const auth = Buffer.from("user:secret").toString("base64");
    writeFileSync(join(dir, "config.json"), JSON.stringify({ auths: { [registry.host]: { auth } } }));
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ timeouts: { idleSeconds: 2, totalSeconds: 20 } }));
    const { command, env = {} } = contender(registry.host, dir);
    const { PATH = "" } = process.env;
    const started = performance.now();
    const ended = await run(command, dir, { PATH, HOME: dir, DOCKER_CONFIG: dir, ...env });
    const seconds = (performance.now() - started) / 1000;
    const reads = [...registry.blobReads(), ...storage.blobReads()].filter(({ path }) => path.includes(digest));
    const blobBytes = reads.reduce((sum, { sentBytes }) => sum + sentBytes, 0);
    return { ...ended, seconds, blobBytes, isWhole: hasBlob(join(dir)) };
  } finally {
    registry.close();
    storage.close();
    rmSync(dir, { recursive: true, force: true });
  }
}

/** @param executable Path of ours. */
export function ours(executable: string): Contender {
  return (host, dir) => ({
    command: [process.execPath, executable, "pull", `${host}/t/tool:1`, "-o", join(dir, "out")],
    env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") },
  });
}
