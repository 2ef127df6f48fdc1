import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { Deadline } from "../../src/transfer/deadline.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

test("deadline: work that puts the end off does not count, also where several overlap", async () => {
  let nowMs = 1_000;
  let isEnded = false;
  const deadline = new Deadline(60_000, { now: () => nowMs }, () => {
    isEnded = true;
  });
  let endFirst = (): void => {};
  let endSecond = (): void => {};
  const first = deadline.puttingOff(() => new Promise<void>((resolve) => (endFirst = resolve)));
  nowMs += 100_000;
  const second = deadline.puttingOff(() => new Promise<void>((resolve) => (endSecond = resolve)));
  expect(deadline.endMs).toBe(161_000);
  endFirst();
  await first;
  nowMs += 50_000;
  endSecond();
  await second;
  nowMs += 10_000;
  expect(deadline.endMs).toBe(211_000);
  expect(isEnded).toBe(false);
  deadline.stop();
});

test("deadline: it ends after the work, and a failed work counts no more than another", async () => {
  const ended = await new Promise<boolean>((resolve) => {
    const deadline = new Deadline(50, { now: Date.now }, () => resolve(true));
    // The timer alone keeps no process alive.
    setTimeout(() => resolve(false), 60_000).unref();
    void deadline.puttingOff(() => Promise.reject(new Error("failed"))).catch(() => {});
    setInterval(() => {}, 1000).unref();
  });
  expect(ended).toBe(true);
});

test("push: packing is said without a terminal, and its time is not that of --timeout", async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), randomBytes(3 * 1024 * 1024).toString("hex"));
  const ran = await oras(["push", "oci:layout:1", "tool", "--timeout", "2"], { cwd: dir });
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toContain("Packing tool (6.3 MB) …\n");
});
