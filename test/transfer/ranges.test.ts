/** Ranges of a blob: which is asked for next, and what comes of one over connections that break. */
import { readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OrasClientError, RegistryUnavailableError } from "../../src/errors.ts";
import { digestOf } from "../../src/model/digest.ts";
import type { BlobIdentity, ByteRange, OpenedBlob, Source } from "../../src/model/source.ts";
import { MirrorHealth } from "../../src/transfer/mirror-health.ts";
import { isWorthSharing, nextRange } from "../../src/transfer/next-range.ts";
import { type RangeEnd, resume } from "../../src/transfer/resume.ts";
import { createSlots } from "../../src/transfer/slots.ts";
import { transferBlob } from "../../src/transfer/transfer.ts";
import { Tries } from "../../src/transfer/tries.ts";
import { noSignal, testContext } from "../support/context.ts";
import { seed } from "../support/property.ts";
import { testStore } from "../support/store.ts";

const MiB = 1024 * 1024;
const context = testContext({ sleep: () => Promise.resolve() });

describe("the next range", () => {
  const blob = (size: number): BlobIdentity => ({ digest: digestOf(String(size)), size });

  test("one after another they are the whole blob, each byte once, whenever sharing begins and ends", () => {
    fc.assert(
      fc.property(fc.nat(100 * MiB), fc.array(fc.boolean(), { minLength: 1 }), (size, shared) => {
        let next = 0;
        let asked = 0;
        for (let range = nextRange({ blob: blob(size), next }, shared[0] === true); range !== undefined; ) {
          expect(range.first).toBe(next);
          if (size > 0) expect(range.end).toBeGreaterThan(range.first);
          expect(range.end).toBeLessThanOrEqual(size);
          next = range.end;
          asked += 1;
          if (size === 0) break;
          range = nextRange({ blob: blob(size), next }, shared[asked % shared.length] === true);
        }
        expect(next).toBe(size);
        expect(asked).toBeGreaterThan(0);
      }),
      { seed, numRuns: 2000 },
    );
  });

  test("sharing is for more than 32 MiB that are left, wherever they begin", () => {
    expect(isWorthSharing({ blob: blob(32 * MiB), next: 0 })).toBe(false);
    expect(isWorthSharing({ blob: blob(32 * MiB + 1), next: 0 })).toBe(true);
    expect(isWorthSharing({ blob: blob(100 * MiB), next: 68 * MiB })).toBe(false);
  });
});

/** What a server does with one request. */
interface Answer {
  /** The range that was asked for, the whole blob, or an error instead. */
  readonly gives: "asked" | "whole" | "refusal";
  /** Bytes that come; more than the range has are cut off to `surplus` of them. */
  readonly count: number;
  /** Bytes behind the end. */
  readonly surplus: number;
  readonly ends: "cleanly" | "broken";
  /** One byte is another one. */
  readonly isFalse: boolean;
}

const chunk = 7;

function serve(content: Uint8Array, answer: Answer, asked: ByteRange): OpenedBlob {
  if (answer.gives === "refusal") throw new RegistryUnavailableError("REGISTRY_REFUSED", "no");
  const range = answer.gives === "whole" ? { first: 0, end: content.length } : asked;
  const bytes = Buffer.concat([content.subarray(range.first, range.end), Buffer.alloc(answer.surplus)]);
  const end = Math.min(bytes.length, answer.count);
  if (answer.isFalse && end > 0) bytes[end - 1] = (bytes[end - 1] ?? 0) ^ 1;
  async function* give(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < end; at += chunk) yield bytes.subarray(at, Math.min(end, at + chunk));
    if (answer.ends === "broken") throw new RegistryUnavailableError("REGISTRY_UNAVAILABLE", "broken");
  }
  return { range, bytes: give(), discard: () => Promise.resolve() };
}

const maxTries = 3;
const answers = (gives: readonly Answer["gives"][], falsity: fc.Arbitrary<boolean>): fc.Arbitrary<Answer[]> =>
  fc.array(
    fc.record({
      gives: fc.constantFrom(...gives),
      count: fc.oneof(fc.nat(120), fc.constant(1000), fc.constant(0)),
      surplus: fc.constantFrom(0, 0, 0, 1, 9),
      ends: fc.constantFrom("cleanly", "broken", "broken"),
      isFalse: falsity,
    }),
    { maxLength: 8 },
  );
const whole: Answer = { gives: "asked", count: 1000, surplus: 0, ends: "cleanly", isFalse: false };
const content = Buffer.from(Array.from({ length: 100 }, (_, index) => index));
const blob = { digest: digestOf(content), size: content.length };

test("resume: the bytes of a range in their order, none twice; what is said of its end is so", async () => {
  const ends = new Map<string, number>();
  const range = fc
    .tuple(fc.nat(content.length), fc.nat(content.length))
    .map(([a, b]) => ({ first: Math.min(a, b), end: Math.max(a, b) }))
    .filter(({ first, end }) => end > first);
  await fc.assert(
    fc.asyncProperty(
      range,
      answers(["asked", "asked", "asked", "whole", "refusal"], fc.constant(false)),
      async (wanted, script) => {
        let opens = 0;
        const given: number[] = [];
        const open = async (asked: ByteRange): Promise<OpenedBlob> => {
          expect(asked).toEqual({ first: wanted.first + given.length, end: wanted.end });
          return serve(content, script[opens++] ?? whole, asked);
        };
        const tries = new Tries(maxTries, wanted.first, context, "test");
        const reading = resume(
          { blob, name: "x", open },
          { range: wanted, tries, opened: undefined },
          context,
          noSignal,
        );
        let end: RangeEnd | { kind: "failed" } | undefined;
        try {
          for (let step = await reading.next(); ; step = await reading.next()) {
            if (step.done === true) {
              end = step.value;
              break;
            }
            given.push(...step.value);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(RegistryUnavailableError);
          end = { kind: "failed" };
        }
        const isWhole = wanted.first === 0 && wanted.end === content.length;
        const own = given.slice(0, wanted.end - wanted.first);
        expect(own).toEqual([...content.subarray(wanted.first, wanted.first + own.length)]);
        if (!isWhole) expect(given.length).toBeLessThanOrEqual(wanted.end - wanted.first);
        if (end.kind === "complete") expect(own.length).toBe(wanted.end - wanted.first);
        else expect(own.length).toBeLessThan(wanted.end - wanted.first);
        expect(opens).toBeLessThanOrEqual(script.length + 1);
        ends.set(end.kind, (ends.get(end.kind) ?? 0) + 1);
      },
    ),
    { seed, numRuns: 3000 },
  );
  expect([...ends.keys()].sort()).toEqual(["complete", "failed", "short", "wrongRange"]);
  for (const count of ends.values()) expect(count).toBeGreaterThan(20);
});

test("transfer: whatever a source answers, the blob is whole and right, or it is an error; and it ends", async () => {
  const outcomes = new Map<string, number>();
  await fc.assert(
    fc.asyncProperty(
      answers(
        ["asked", "asked", "asked", "whole", "refusal"],
        fc.nat(9).map((one) => one === 0),
      ),
      fc.boolean(),
      async (script, isGoodAtLast) => {
        let opens = 0;
        const last: Answer = isGoodAtLast ? whole : { ...whole, count: 0, ends: "broken" };
        const source = {
          name: "source.example/x",
          mirrors: [],
          openBlob: async (_blob: BlobIdentity, asked: ByteRange) => serve(content, script[opens++] ?? last, asked),
        } as unknown as Source;
        const { store } = testStore();
        const services = { context, store, slots: createSlots(2), settings: { idleTimeoutMs: 1000 } };
        const run = { signal: noSignal, deadlineMs: Date.now() + 60_000, mirrorHealth: new MirrorHealth() };
        let told = 0;
        const onBytes = (count: number): void => {
          told += count;
        };
        try {
          const { path } = await transferBlob(
            { source, blob, manifest: undefined, onResumed: onBytes, onBytes },
            services,
            run,
          );
          expect(readFileSync(path).equals(content)).toBe(true);
          expect(told).toBe(content.length);
          outcomes.set("ok", (outcomes.get("ok") ?? 0) + 1);
        } catch (error) {
          if (!(error instanceof OrasClientError)) throw error;
          expect(["REGISTRY_UNAVAILABLE", "REGISTRY_REFUSED", "BLOB_DIGEST_MISMATCH", "BLOB_SIZE_MISMATCH"]).toContain(
            error.code,
          );
          outcomes.set(error.code, (outcomes.get(error.code) ?? 0) + 1);
        }
        expect(opens).toBeLessThan(script.length + 2 * maxTries + 4);
      },
    ),
    { seed, numRuns: 300 },
  );
  expect([...outcomes.keys()].sort()).toEqual([
    "BLOB_DIGEST_MISMATCH",
    "BLOB_SIZE_MISMATCH",
    "REGISTRY_REFUSED",
    "REGISTRY_UNAVAILABLE",
    "ok",
  ]);
});

test("transfer: a first part without a byte does not cost the blob: it is fetched in one piece", async () => {
  const large = Buffer.alloc(33 * MiB, 7);
  const identity = { digest: digestOf(large), size: large.length };
  const asked: ByteRange[] = [];
  const source = {
    name: "source.example/x",
    mirrors: [],
    openBlob: async (_blob: BlobIdentity, range: ByteRange) => {
      asked.push(range);
      const isPart = range.end < large.length;
      async function* bytes(): AsyncGenerator<Uint8Array> {
        if (!isPart) yield large.subarray(range.first, range.end);
      }
      return { range, bytes: bytes(), discard: () => Promise.resolve() };
    },
  } as unknown as Source;
  const { store } = testStore();
  const services = { context, store, slots: createSlots(4), settings: { idleTimeoutMs: 1000 } };
  const run = { signal: noSignal, deadlineMs: Date.now() + 60_000, mirrorHealth: new MirrorHealth() };
  const { path } = await transferBlob(
    { source, blob: identity, manifest: undefined, onResumed: () => {}, onBytes: () => {} },
    services,
    run,
  );
  expect(readFileSync(path).equals(large)).toBe(true);
  expect(asked.at(-1)).toEqual({ first: 0, end: large.length });
});
