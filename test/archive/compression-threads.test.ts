/** Compression in threads that start from the bundle. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, test } from "vitest";
import { compressed } from "../../src/archive/compress.ts";
import { type CompressionThreads, createCompressionThreads } from "../../src/archive/compression-threads.ts";
import type { Compressor } from "../../src/archive/encoder.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

/** Text of 3 MB that compresses well, but not to nothing. */
const content = Buffer.from(Array.from({ length: 400_000 }, (_, index) => `${(index * 7919) % 65_537}\n`).join(""));

async function* source(): AsyncGenerator<Uint8Array> {
  yield content;
}

async function bytesOf(compressor: Compressor, threads?: CompressionThreads): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of compressed(source(), compressor, threads)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

test.for([
  { format: "zstd", level: 3 },
  { format: "gzip", level: 6 },
] as const)("$format: several threads at a time give the same bytes as this thread", async (compressor) => {
  const failures: unknown[] = [];
  const threads = createCompressionThreads(inject("executable"), (error) => failures.push(error));
  const here = await bytesOf(compressor);
  const there = await Promise.all([1, 2, 3].map(() => bytesOf(compressor, threads)));
  for (const bytes of there) expect(bytes.equals(here)).toBe(true);
  expect(failures).toEqual([]);
});

test("a thread that cannot start: this thread compresses, and the reason is told", async () => {
  const failures: unknown[] = [];
  const file = join(temporaryFolder(), "bundle.cjs");
  writeFileSync(file, "throw new Error('no thread here');\n");
  const threads = createCompressionThreads(file, (error) => failures.push(error));
  const compressor = { format: "zstd", level: 3 } as const;
  expect((await bytesOf(compressor, threads)).equals(await bytesOf(compressor))).toBe(true);
  expect(String(failures[0])).toContain("no thread here");
});

test("an error of the source ends the thread, and passes through", async () => {
  const threads = createCompressionThreads(inject("executable"), () => {});
  const failing = async function* (): AsyncGenerator<Uint8Array> {
    yield content;
    throw new Error("the disk is gone");
  };
  const reading = async (): Promise<void> => {
    for await (const _ of compressed(failing(), { format: "zstd", level: 3 }, threads));
  };
  await expect(reading()).rejects.toThrow("the disk is gone");
});

test("push: platforms are packed at the same time, to the digest of one after the other", async () => {
  const dir = temporaryFolder();
  const platforms = ["linux-x86_64", "linux-aarch64", "darwin-arm64"];
  for (const platform of platforms) writeFileSync(join(dir, platform), `${platform}\n${content}${content}`);
  const push = async (tag: string, first: readonly string[]): Promise<string> => {
    const items = first.flatMap((platform) => ["--platform", `${platform}=${platform}`]);
    const args = ["push", `oci:layout:${tag}`, ...items, "--title", "tool", "--compression", "zstd:3", "--json"];
    const ran = await oras([...args, "-v"], { cwd: dir });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).not.toContain("no thread for compression");
    return (JSON.parse(ran.stdout) as { digest: string }).digest;
  };
  expect(await push("1", platforms)).toBe(await push("2", platforms.toReversed()));
});
