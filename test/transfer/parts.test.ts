/** Blobs that are large enough to come over several connections. */
import type { ChildProcess } from "node:child_process";
import { createHash, randomFillSync } from "node:crypto";
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { withComposition } from "../../src/compose.ts";
import { readSettings } from "../../src/config/settings.ts";
import { digestFromHex } from "../../src/model/digest.ts";
import { type BlobRequest, pullBlob } from "../../src/verbs/blob.ts";
import { noConfigFiles, testContext } from "../support/context.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import type { Fault } from "../support/registry/in-process/faults/fault.ts";
import * as network from "../support/registry/in-process/faults/network.ts";
import { blobReads, type Selector } from "../support/registry/in-process/faults/selectors.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry } from "../support/registry/in-process/registry.ts";

const partBytes = 8 * 1024 * 1024;
const content = randomFillSync(Buffer.alloc(5 * partBytes + 1000));
const hex = createHash("sha256").update(content).digest("hex");

/** For one connection. */
const bytesPerSecond = 40_000_000;

async function serving(...faults: readonly Fault[]): Promise<InProcessRegistry> {
  const registry = await inProcessRegistry(...faults, network.slowBody(bytesPerSecond));
  registry.storage.open("t/tool").blobs.set(`sha256:${hex}`, content);
  return registry;
}

/** Pulls in this process, on a machine with an empty cache. */
async function pull(
  { host }: InProcessRegistry,
  changes: Partial<BlobRequest> = {},
  now: () => number = Date.now,
): Promise<Buffer> {
  const context = testContext({ sleep: () => Promise.resolve(), now });
  const cacheDir = temporaryFolder();
  const output = join(temporaryFolder(), "out");
  const reference = `${host}/t/tool@${digestFromHex(hex)}`;
  const request = { reference, size: content.length, manifest: undefined, output, executable: undefined, ...changes };
  const settings = readSettings({ cacheDir, timeoutSeconds: 600 }, context, noConfigFiles);
  await withComposition(settings, context, undefined, (deps, signal) => pullBlob(request, deps, signal));
  return readFileSync(output);
}

const rangesOf = (registry: InProcessRegistry): (string | undefined)[] =>
  registry.blobReads().map(({ headers }) => headers.range);

/** The server counts an answer when it is done with it, which may be after the client is. */
async function expectSent(registry: InProcessRegistry, bytes: number): Promise<void> {
  await expect.poll(() => registry.blobReads().reduce((sum, one) => sum + one.sentBytes, 0)).toBe(bytes);
}

/** A part after the first. */
const laterPart: Selector = (request) => blobReads(request) && !/^bytes=0-/.test(request.headers.range ?? "bytes=0-");

test("parts of 8 MiB, four at a time, in whatever order they are there; each byte is sent once", async () => {
  const registry = await serving();
  expect((await pull(registry)).equals(content)).toBe(true);
  expect(rangesOf(registry).toSorted()).toEqual(
    [
      "bytes=0-8388607",
      "bytes=8388608-16777215",
      "bytes=16777216-25165823",
      "bytes=25165824-33554431",
      "bytes=33554432-41943039",
      "bytes=41943040-",
    ].toSorted(),
  );
  expect(registry.mostBlobReadsAtOnce()).toBe(4);
  // Kept and used again.
  expect(registry.connections()).toBe(4);
  await expectSent(registry, content.length);
});

test("over a connection that is fast the rest comes in one stream", async () => {
  const registry = await serving();
  const started = Date.now();
  expect((await pull(registry, {}, () => started)).equals(content)).toBe(true);
  expect(rangesOf(registry)).toEqual(["bytes=0-8388607", "bytes=8388608-"]);
  await expectSent(registry, content.length);
});

test("a blob of 32 MiB is asked for whole, without a range", async () => {
  const small = content.subarray(0, 4 * partBytes);
  const digest = createHash("sha256").update(small).digest("hex");
  const registry = await inProcessRegistry();
  registry.storage.open("t/tool").blobs.set(`sha256:${digest}`, small);
  const reference = `${registry.host}/t/tool@${digestFromHex(digest)}`;
  expect((await pull(registry, { reference, size: small.length })).equals(small)).toBe(true);
  expect(rangesOf(registry)).toEqual([undefined]);
});

describe("one limit for all transfers", () => {
  test("with a single one a large blob is one request", async () => {
    const registry = await serving();
    const dir = temporaryFolder();
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ concurrency: 1, cacheDir: "cache" }));
    const args = ["blob", `${registry.host}/t/tool@sha256:${hex}`, "--size", String(content.length), "-o", "out"];
    expect((await oras(args, { cwd: dir })).exitCode).toBe(0);
    expect(rangesOf(registry)).toEqual([undefined]);
  });

  test("two large blobs share it", async () => {
    const registry = await inProcessRegistry(network.slowBody(bytesPerSecond));
    const dir = temporaryFolder();
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ concurrency: 3, cacheDir: "cache" }));
    writeFileSync(join(dir, "one"), content);
    writeFileSync(join(dir, "other"), Buffer.from(content).reverse());
    const paths = ["--platform", "linux-x86_64=one", "--platform", "darwin-arm64=other", "--compression", "none"];
    expect((await oras(["push", `${registry.host}/t/tool:1`, ...paths], { cwd: dir })).exitCode).toBe(0);
    const ran = await oras(["lock", "add", "tool", `${registry.host}/t/tool:1`], { cwd: dir });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(registry.mostBlobReadsAtOnce()).toBe(3);
    // The first byte once more: `lock add` asks for it without a login.
    await expectSent(registry, 2 * content.length + 1);
    expect(rangesOf(registry).filter((range) => range === "bytes=0-8388607")).toHaveLength(2);
  });
});

describe("connections that break", () => {
  test("in several parts, again and again: each goes on where it ended, and no byte is sent twice", async () => {
    const registry = await serving(network.cutBody(1_000_000, 20));
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(registry.blobReads().length).toBeGreaterThan(20);
    await expectSent(registry, content.length);
  });

  test("before anything is answered, and with 503", async () => {
    const registry = await serving(
      network.cutBeforeHead(3, laterPart),
      network.answerStatus(503, 3, undefined, laterPart),
    );
    expect((await pull(registry)).equals(content)).toBe(true);
    await expectSent(registry, content.length);
  });

  test("a server that bears one connection at a time gives the blob over one", async () => {
    const registry = await serving(
      network.answerStatus(
        503,
        1000,
        undefined,
        (request) => laterPart(request) && request.headers.range?.endsWith("-") === false,
      ),
    );
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(rangesOf(registry).at(-1)).toMatch(/^bytes=[1-9][0-9]+-$/);
  });

  test("kill -9: the next process goes on from what stood on the disk", async () => {
    let isHeld = true;
    const fourthHeld: Fault = (request, next) =>
      isHeld && request.headers.range?.startsWith("bytes=25165824-") === true
        ? { ...next(), manner: { stallAfterBytes: 0 } }
        : next();
    const registry = await serving(fourthHeld);
    const dir = temporaryFolder();
    const args = ["blob", `${registry.host}/t/tool@sha256:${hex}`, "--size", String(content.length), "-o", "out"];
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    const staged = (): number => {
      const tmp = join(dir, "cache/tmp");
      const [name] = existsSync(tmp) ? readdirSync(tmp) : [];
      return name === undefined ? 0 : statSync(join(tmp, name)).size;
    };
    // All of three parts, but for what is not yet written of the last.
    const nearly = 3 * partBytes - 1024 * 1024;
    const onStart = (child: ChildProcess): void => {
      const kill = async (): Promise<void> => {
        await expect.poll(staged, { interval: 10 }).toBeGreaterThan(nearly);
        child.kill("SIGKILL");
      };
      void kill().catch(() => child.kill("SIGKILL"));
    };
    const killed = await oras(args, { cwd: dir, env, onStart });
    expect(killed.signal).toBe("SIGKILL");
    isHeld = false;
    const before = registry.blobReads().length;
    const second = await oras(args, { cwd: dir, env });
    expect(second.exitCode, second.stderr).toBe(0);
    expect(readFileSync(join(dir, "out")).equals(content)).toBe(true);
    const resumed = rangesOf(registry).slice(before);
    expect(resumed).toHaveLength(1);
    const first = Number(/^bytes=([0-9]+)-$/.exec(resumed[0] ?? "")?.[1]);
    expect(first).toBeGreaterThan(nearly);
    expect(first).toBeLessThanOrEqual(3 * partBytes);
    expect(readdirSync(join(dir, "cache/tmp"))).toEqual([]);
  });
});

describe("a server that gives no parts", () => {
  test("and answers 200: what it sends is taken", async () => {
    const registry = await serving(network.ignoreRange(content));
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(registry.blobReads()).toHaveLength(1);
  });

  test.each<[string, Fault]>([
    ["416", network.refuseRange(416)],
    ["400", network.refuseRange(400)],
    ["another range", network.shiftRange()],
  ])("and answers with %s: it is asked for the whole", async (_what, fault) => {
    const registry = await serving(fault);
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(rangesOf(registry)).toEqual(["bytes=0-8388607", undefined]);
  });

  test("any more, but did so at first: it is asked for the whole, once", async () => {
    const registry = await serving((request, next, surroundings) =>
      laterPart(request) ? network.refuseRange(416)(request, next, surroundings) : next(),
    );
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(rangesOf(registry).filter((range) => range === undefined)).toHaveLength(1);
    await expectSent(registry, content.length + partBytes);
  });

  test.each([403, 404, 429])("to several connections, and answers them %i: it comes over one", async (status) => {
    const registry = await serving((request, next, surroundings) =>
      laterPart(request) && request.headers.range?.endsWith("-") === false
        ? network.answerStatus(status, 1, "3600")(request, next, surroundings)
        : next(),
    );
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(rangesOf(registry).at(-1)).toMatch(/^bytes=[1-9][0-9]+-$/);
  });
});

describe("bytes that were not asked for", () => {
  test("behind a part are cut off", async () => {
    const registry = await serving((_request, next) => {
      const before = next();
      return before.status === 206 ? { ...before, body: Buffer.concat([before.body, Buffer.alloc(100)]) } : before;
    });
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(rangesOf(registry)).not.toContain(undefined);
  });

  test("in a part: the blob is fetched once more, in one piece", async () => {
    const registry = await serving(network.changeBody(laterPart));
    expect((await pull(registry)).equals(content)).toBe(true);
    expect(rangesOf(registry).at(-1)).toBeUndefined();
  });
});
