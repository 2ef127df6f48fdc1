/** Many processes on one cache, and processes that are killed. */
import type { ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { type Handler, type SeenRequest, startServer, type TestServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";

/** Paths of the files that anybody may take for verified. */
function storedIn(cacheDir: string): string[] {
  const blobs = join(cacheDir, "oras");
  if (!existsSync(blobs)) return [];
  return readdirSync(blobs).flatMap((folder) =>
    readdirSync(join(blobs, folder)).map((name) => join(blobs, folder, name)),
  );
}

/**
 * What was staged of a blob. A kill between two system calls may also leave some 300 bytes of staged metadata, which
 * nobody takes over and `clear-cache` removes after a day.
 */
function stagedBytesIn(cacheDir: string): string[] {
  return readdirSync(join(cacheDir, "tmp")).filter((name) => !name.startsWith("metadata-"));
}

/** Sizes of what is staged; none before the first process made the folder. */
function stagedSizes(cacheDir: string): number[] {
  if (!existsSync(join(cacheDir, "tmp"))) return [];
  return stagedBytesIn(cacheDir).map(
    (name) => statSync(join(cacheDir, "tmp", name), { throwIfNoEntry: false })?.size ?? 0,
  );
}

function expectVerified(cacheDir: string): void {
  for (const path of storedIn(cacheDir)) expect(`sha256:${path.split("/").at(-1)}`).toBe(sha256(readFileSync(path)));
}

const content = randomBytes(1_000_000);

/** Sends what was asked for of the blob. */
const sendRest: Handler = (request, response) => {
  const first = Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
  const range = { "content-range": `bytes ${first}-${content.length - 1}/${content.length}` };
  response.writeHead(first === 0 ? 200 : 206, first === 0 ? {} : range);
  response.end(content.subarray(first));
};

function blobRequests(server: TestServer): readonly SeenRequest[] {
  return server.seen.filter(({ url }) => url.includes("/blobs/"));
}

/** Pulls into one cache, each into a folder of its own. */
function pulls(server: TestServer, dir: string, count: number): Promise<Ran>[] {
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  return Array.from({ length: count }, (_, index) =>
    oras(["pull", `${server.host}/t/tool:1`, "-o", `out${index}`], { cwd: dir, env }),
  );
}

function expectAllDone(runs: readonly Ran[]): void {
  expect(runs.map(({ exitCode, stderr }) => `${exitCode} ${exitCode === 0 ? "" : stderr}`)).toEqual(
    runs.map(() => "0 "),
  );
}

test("twenty on one cold cache: all succeed, and one fetches the blob", async () => {
  const slowly: Handler = (...args) => void setTimeout(() => sendRest(...args), 2_000);
  const server = await startServer(serveTool(content, slowly));
  const dir = temporaryFolder();
  expectAllDone(await Promise.all(pulls(server, dir, 20)));
  expect(blobRequests(server)).toHaveLength(1);
  expect(readdirSync(dir).filter((name) => name.startsWith("out"))).toHaveLength(20);
  // The tool and its manifest.
  expect(storedIn(join(dir, "cache"))).toHaveLength(2);
  expectVerified(join(dir, "cache"));
});

test("the one that fetches is killed: another takes over long before the deadline, from where it stopped", async () => {
  let child: ChildProcess | undefined;
  let killedAt = 0;
  let takenOverAt = 0;
  const server = await startServer(
    serveTool(content, (request, response, self) => {
      if (blobRequests(self).length > 1) {
        takenOverAt = performance.now();
        sendRest(request, response, self);
        return;
      }
      response.writeHead(200, { "content-length": content.length });
      response.write(content.subarray(0, 700_000));
    }),
  );
  const dir = temporaryFolder();
  // It hangs for as long as the machine takes to start the others.
  writeFileSync(join(dir, "buck2-oras.json"), '{"timeouts": {"idleSeconds": 300}}');
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const onStart = (started: ChildProcess): void => {
    child = started;
  };
  const first = oras(["pull", `${server.host}/t/tool:1`, "-o", "first"], { cwd: dir, env, onStart });
  // It writes in pieces: what it has read last may wait for more.
  await expect.poll(() => Math.max(0, ...stagedSizes(join(dir, "cache")))).toBeGreaterThan(0);
  const others = pulls(server, dir, 12);
  // By now most of them wait for it.
  setTimeout(() => {
    killedAt = performance.now();
    child?.kill("SIGKILL");
  }, 3_000);
  expect((await first).signal).toBe("SIGKILL");
  expectAllDone(await Promise.all(others));
  // Long before the deadline of ten minutes.
  expect(takenOverAt - killedAt).toBeLessThan(60_000);
  expect(blobRequests(server)).toHaveLength(2);
  expect(blobRequests(server)[1]?.headers.range).toMatch(/^bytes=[1-9][0-9]+-$/);
  expectVerified(join(dir, "cache"));
});

test("twenty rounds of kill -9 in mid-pull: the next pull succeeds each time, and nothing unverified is stored", async () => {
  const lanes = 4;
  const roundsPerLane = 5;
  let killed = 0;
  const requestsOf = (name: string): number => blobRequests(server).filter(({ url }) => url.includes(name)).length;
  const isHeld = (url: string): boolean => /\/round-[0-9]*[02468]\//.test(url) && requestsOf(url) === 1;
  const server = await startServer(
    serveTool(content, (request, response) => {
      const first = Number(/bytes=([0-9]+)-/.exec(request.headers.range ?? "")?.[1] ?? 0);
      const range = { "content-range": `bytes ${first}-${content.length - 1}/${content.length}` };
      response.writeHead(first === 0 ? 200 : 206, first === 0 ? {} : range);
      // In two halves, so that kills meet bytes that are there and bytes that are not; in every other round the first
      // process gets no second half, and so is alive when its kill comes.
      const half = first + Math.floor((content.length - first) / 2);
      response.write(content.subarray(first, half));
      if (!isHeld(request.url)) setTimeout(() => response.end(content.subarray(half)), 150);
    }),
  );
  const lane = async (_: unknown, laneIndex: number): Promise<void> => {
    for (let round = 0; round < roundsPerLane; round += 1) {
      const dir = temporaryFolder();
      const cacheDir = join(dir, "cache");
      const env = { BUCK2_ORAS_CACHE_DIR: cacheDir };
      const name = `lane-${laneIndex}/round-${round}/`;
      const args = ["pull", `${server.host}/${name}tool:1`, "-o", "out"];
      const onStart = (child: ChildProcess): void => {
        const kill = async (): Promise<void> => {
          await expect.poll(() => requestsOf(name), { interval: 5 }).toBe(1);
          await delay((laneIndex * roundsPerLane + round) * 14);
          child.kill("SIGKILL");
        };
        void kill().catch(() => child.kill("SIGKILL"));
      };
      const first = await oras(args, { cwd: dir, env, onStart });
      if (first.signal === "SIGKILL") killed += 1;
      expectVerified(cacheDir);
      const next = await oras(args, { cwd: dir, env });
      expect(next.exitCode, next.stderr).toBe(0);
      expect(readFileSync(join(dir, "out/tool")).equals(content)).toBe(true);
      expectVerified(cacheDir);
      expect(stagedBytesIn(cacheDir)).toEqual([]);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  // Of the others, some are done before their kill comes.
  expect(killed).toBeGreaterThanOrEqual((lanes * roundsPerLane) / 2);
}, 600_000);
