/** `worker`: the pulls of one build in one process, as Buck2 asks for them. */
import { randomBytes } from "node:crypto";
import { chmodSync, chownSync, existsSync, readFileSync, statSync } from "node:fs";
import { connect } from "node:net";
import { dirname, join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { aliasesOfLoopback } from "../support/hosts-alias.ts";
import { ordinaryUser } from "../support/other-users.ts";
import { framed } from "../support/protobuf.ts";
import { ownTokens } from "../support/registry/in-process/faults/access.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import { slowBody } from "../support/registry/in-process/faults/network.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry } from "../support/registry/in-process/registry.ts";
import { digestWith } from "../support/registry/in-process/storage.ts";
import { requireRoot } from "../support/shared-cache.ts";
import { commandOf, type RunningWorker, socketFolder, startWorker, workerClient } from "../support/worker.ts";

interface Setting {
  readonly registry: InProcessRegistry;
  readonly worker: RunningWorker;
  readonly cwd: string;
  readonly cacheDir: string;
}

async function setting(args: readonly string[] = [], ...faults: readonly Fault[]): Promise<Setting> {
  const registry = await inProcessRegistry(...faults);
  const cwd = temporaryFolder();
  const cacheDir = join(cwd, "cache");
  const worker = await startWorker(args, { cwd, env: { BUCK2_ORAS_CACHE_DIR: cacheDir } });
  return { registry, worker, cwd, cacheDir };
}

/** A blob in the registry, and the request for it, as the rules write it. */
function blobOf(registry: InProcessRegistry, text: string, output: string): readonly string[] {
  const bytes = Buffer.from(text);
  const digest = digestWith("sha256", bytes);
  registry.storage.open("tools").blobs.set(digest, bytes);
  return ["blob", `${registry.host}/tools@${digest}`, `--size=${bytes.length}`, `--output=${output}`];
}

test("worker: twenty pulls at once share a token and a few connections", async () => {
  const { registry, worker, cwd } = await setting([], ownTokens({ path: "/token" }));
  const names = Array.from({ length: 20 }, (_, index) => `tool ${index}`);
  const answers = await Promise.all(names.map((name) => worker.execute(blobOf(registry, name, `out/${name}`))));
  for (const answer of answers) expect(answer).toMatchObject({ status: "0", exitCode: 0 });
  for (const name of names) expect(readFileSync(join(cwd, "out", name), "utf8")).toBe(name);
  expect(registry.seen.filter(({ path }) => path.startsWith("/token"))).toHaveLength(1);
  expect(registry.connections()).toBeLessThan(10);
});

test("worker: an answer is what a process of its own says, with its exit code", async () => {
  const { registry, worker, cwd, cacheDir } = await setting();
  const missing = ["blob", `${registry.host}/tools@sha256:${"0".repeat(64)}`, "--size=3", "--output=out"];
  const alone = await oras(missing, { cwd, env: { BUCK2_ORAS_CACHE_DIR: cacheDir } });
  expect(alone.stderr).toMatch(/^error\[ARTIFACT_NOT_FOUND\]: [\s\S]* {2}hint: /);
  expect(await worker.execute(missing)).toEqual({ status: "0", exitCode: alone.exitCode, stderr: alone.stderr });
  const wrong = await worker.execute(["blob", `${registry.host}/tools@sha256:${"0".repeat(64)}`, "--output=out"]);
  expect(wrong).toMatchObject({ exitCode: 64, stderr: expect.stringContaining("error[USAGE_INVALID]") });
  const good = blobOf(registry, "a tool", "out");
  const pulled = await worker.execute(good);
  expect(pulled).toEqual({
    status: "0",
    exitCode: 0,
    stderr: `Digest: ${digestWith("sha256", Buffer.from("a tool"))}\n`,
  });
});

test("worker: a missing blob is asked for once more after its manifest", async () => {
  const { registry, worker } = await setting();
  const listing = digestWith("sha256", Buffer.from("a manifest"));
  const missing = ["blob", `${registry.host}/tools@sha256:${"0".repeat(64)}`, "--size=3", `--manifest=${listing}`];
  expect(await worker.execute([...missing, "--output=out"])).toMatchObject({ exitCode: 66 });
  expect(registry.seen.map(({ path }) => path.split("/").at(-2))).toEqual(["blobs", "manifests"]);
});

test("worker: no other command and no global option is served", async () => {
  const { registry, worker, cwd } = await setting();
  const blob = blobOf(registry, "a tool", "out");
  const refused = [
    ["clear-cache"],
    ["worker"],
    [],
    ["help"],
    ["--help"],
    [...blob, `--cache-dir=${cwd}/other`],
    [...blob, "--help"],
  ];
  for (const argv of refused) {
    expect(await worker.execute(argv), argv.join(" ")).toMatchObject({ status: "0", exitCode: 64 });
  }
  expect(existsSync(join(cwd, "out"))).toBe(false);
});

test("worker: the environment of a request does not count", async () => {
  const { registry, worker, cwd } = await setting();
  const env = { BUCK2_ORAS_CACHE_DIR: join(cwd, "other"), HTTP_PROXY: "http://127.0.0.1:1", ORAS_TOKEN: "no" };
  expect(await worker.execute(blobOf(registry, "a tool", "out"), { env })).toMatchObject({ exitCode: 0 });
  expect(existsSync(join(cwd, "other"))).toBe(false);
});

test("worker: a call that is dropped ends its pull, and no other", async () => {
  const { registry, worker, cwd } = await setting([], slowBody(2000));
  const dropping = new AbortController();
  const dropped = worker.execute(blobOf(registry, "x".repeat(100_000), "dropped"), { signal: dropping.signal });
  const kept = worker.execute(blobOf(registry, "kept".repeat(1000), "kept"));
  while (registry.blobReads().length < 2) await new Promise((resolve) => setTimeout(resolve, 10));
  dropping.abort();
  await expect(dropped).rejects.toThrow();
  expect(await kept).toMatchObject({ exitCode: 0 });
  const [reading] = registry.blobReads().filter(({ sentBytes }) => sentBytes > 0 && sentBytes < 100_000);
  expect(reading).toBeDefined();
  expect(existsSync(join(cwd, "dropped"))).toBe(false);
});

test("worker: SIGTERM ends it as usual, and what is under way is told", async () => {
  const { registry, worker } = await setting([], slowBody(100));
  const pulling = worker.execute(blobOf(registry, "x".repeat(10_000), "out"));
  while (registry.blobReads().length < 1) await new Promise((resolve) => setTimeout(resolve, 10));
  worker.kill("SIGTERM");
  expect(await pulling).toMatchObject({ stderr: expect.stringContaining("error[TERMINATED]: stopped by SIGTERM") });
  expect(await worker.ended).toMatchObject({ exitCode: 0, stderr: "" });
});

test("worker: a request that does not end keeps no worker", async () => {
  const { worker } = await setting();
  await worker.begin(Buffer.from([0, 0, 0]));
  expect(await worker.execute([])).toMatchObject({ exitCode: 64 });
  worker.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ exitCode: 0, stderr: "" });
});

test("worker: an answer that nobody reads keeps no worker", async () => {
  const { worker } = await setting();
  const idle = workerClient(worker.socketPath, 0);
  void idle.execute([]).catch(() => {});
  await delay(500);
  worker.kill("SIGTERM");
  expect(await worker.ended).toMatchObject({ exitCode: 0, stderr: "" });
});

test("worker: a bare --plain-http is for the registry of each request, as for processes of their own", async () => {
  const cwd = temporaryFolder();
  const registry = await inProcessRegistry();
  const names = ["one.example", "two.example"];
  const hosts = aliasesOfLoopback(...names);
  const worker = await startWorker(["--plain-http"], {
    cwd,
    env: { BUCK2_ORAS_CACHE_DIR: join(cwd, "cache"), ...hosts },
  });
  for (const name of names) {
    const [command, reference = "", ...options] = blobOf(registry, `of ${name}`, name);
    const named = reference.replace(/^[^:]+/, name);
    expect(await worker.execute([command ?? "", named, ...options])).toMatchObject({ exitCode: 0 });
  }
});

test("worker: each request has the whole time", async () => {
  const { registry, worker } = await setting(["--timeout", "8"], slowBody(1000));
  for (const text of ["a".repeat(3000), "b".repeat(3000), "c".repeat(3000)]) {
    expect(await worker.execute(blobOf(registry, text, "out"))).toMatchObject({ exitCode: 0 });
  }
  const late = await worker.execute(blobOf(registry, "d".repeat(60_000), "out"));
  expect(late).toMatchObject({ exitCode: 75, stderr: expect.stringContaining("error[TIMED_OUT]") });
});

test("worker: the socket's folder is closed to others", async () => {
  const { worker } = await setting();
  expect(statSync(dirname(worker.socketPath)).mode & 0o777).toBe(0o700);
});

test("worker: who may write beside the socket's folder cannot replace it", async () => {
  const cwd = temporaryFolder();
  const folder = socketFolder();
  chmodSync(dirname(folder), 0o775);
  await startWorker([], { cwd, env: { BUCK2_ORAS_CACHE_DIR: join(cwd, "cache") }, folder });
  expect(statSync(dirname(folder)).mode & 0o7777).toBe(0o1775);
  expect(statSync(folder).mode & 0o777).toBe(0o700);
});

test("worker: no socket where another user could put his own", async (context) => {
  requireRoot(context);
  const folder = socketFolder();
  const env = { WORKER_SOCKET: join(folder, "socket") };
  for (const foreign of [dirname(folder), folder]) {
    chownSync(foreign, ordinaryUser, ordinaryUser);
    const ran = await oras(["worker"], { env });
    expect(ran.exitCode).toBe(74);
    expect(ran.stderr).toMatch(/error\[PERMISSION_DENIED\]: .*belongs to the user 65533\n {2}hint: remove that folder/);
    chownSync(foreign, 0, 0);
  }
});

test("worker: what is no request of Buck2 is refused, and the next one served", async () => {
  const { registry, worker } = await setting();
  const execute = "/worker.Worker/Execute";
  expect(await worker.call("/worker.WorkerStreaming/ExecuteStream", commandOf(["blob"]))).toMatchObject({
    status: "12",
  });
  expect(await worker.call(execute, Buffer.from("no frame"))).toMatchObject({ status: "3" });
  expect(await worker.call(execute, framed(Buffer.from([10, 200, 1])))).toMatchObject({ status: "3" });
  expect(await worker.call(execute, framed(Buffer.alloc(2_000_000, 24)))).toMatchObject({ status: "8" });
  expect(await worker.execute(blobOf(registry, "a tool", "out"))).toMatchObject({ exitCode: 0 });
});

test("worker: clients that send noise, or leave in the middle, end nothing but their own requests", async () => {
  const { registry, worker } = await setting();
  const noise = ["GET / HTTP/1.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", randomBytes(3000)];
  for (const bytes of [...noise, Buffer.alloc(100_000, 0)]) {
    const socket = connect(worker.socketPath);
    socket.on("error", () => {});
    await new Promise((resolve) => socket.write(bytes, resolve));
    socket.destroy();
  }
  for (let turn = 0; turn < 20; turn += 1) {
    const leaving = workerClient(worker.socketPath);
    const dropping = new AbortController();
    for (let call = 0; call < 10; call += 1) {
      void leaving.execute(["blob"], call % 2 === 0 ? { signal: dropping.signal } : {}).catch(() => {});
    }
    await delay(turn);
    dropping.abort();
    leaving.close();
  }
  expect(await worker.execute(blobOf(registry, "a tool", "out"))).toMatchObject({ exitCode: 0 });
});

test("worker: a person who types the command learns whom it is for", async () => {
  const ran = await oras(["worker"]);
  expect(ran.exitCode).toBe(64);
  expect(ran.stderr).toMatch(/error\[USAGE_INVALID\]: .*WORKER_SOCKET\n {2}hint: run `buck2 build`/);
});
