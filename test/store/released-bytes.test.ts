import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { HashedFile } from "../../src/files/hashed-write.ts";
import { openFile, piecesOf } from "../../src/files/opened-file.ts";
import { markOwned, release } from "../../src/files/released-bytes.ts";
import { digestOf } from "../../src/model/digest.ts";
import { noSignal } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

/** Node 20 leaves the memory to the garbage collector. */
const canRelease = "transfer" in ArrayBuffer.prototype;

async function* yielding(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* chunks;
}

describe("release", () => {
  test("frees a marked chunk, and no other", () => {
    const [marked, unmarked] = [Buffer.alloc(1000, "a"), Buffer.alloc(1000, "b")];
    markOwned(marked);
    release(marked);
    release(unmarked);
    expect(marked.byteLength).toBe(canRelease ? 0 : 1000);
    expect(unmarked.toString()).toBe("b".repeat(1000));
  });

  test("leaves a part of larger memory alone, even if the part was marked", () => {
    const memory = Buffer.alloc(1000, "a");
    const part = memory.subarray(0, 999);
    markOwned(part);
    release(part);
    expect(memory.toString()).toBe("a".repeat(1000));
  });
});

test("a written file: its chunks are freed after the write, not before, and unmarked chunks never", async () => {
  const path = join(temporaryFolder(), "file");
  const chunks = Array.from({ length: 40 }, (_, index) => Buffer.alloc(100_000, String(index % 10)));
  const bytes = Buffer.concat(chunks);
  for (const [index, chunk] of chunks.entries()) if (index % 2 === 0) markOwned(chunk);
  const file = await HashedFile.create(path);
  const { digest } = await file.fill(yielding(chunks), undefined, noSignal);
  expect(digest).toBe(digestOf(bytes));
  expect(readFileSync(path).equals(bytes)).toBe(true);
  const lengths = chunks.map((chunk) => chunk.byteLength);
  expect(lengths).toEqual(chunks.map((_, index) => (index % 2 === 0 && canRelease ? 0 : 100_000)));
});

test("a read file: a reader that frees each piece gets all bytes", async () => {
  const path = join(temporaryFolder(), "file");
  const bytes = Buffer.from("0123456789".repeat(1000));
  writeFileSync(path, bytes);
  const file = await openFile(path, "refuse");
  const read: string[] = [];
  for await (const piece of piecesOf(file, 1024, noSignal)) {
    read.push(piece.toString());
    release(piece);
  }
  await file.handle.close();
  expect(read.join("")).toBe(bytes.toString());
  expect(read).toHaveLength(10);
});
