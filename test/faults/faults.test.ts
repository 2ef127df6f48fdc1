import { expect, inject, test } from "vitest";
import type { SeenExchange } from "../support/registry/in-process/registry.ts";
import { ours } from "./contenders.ts";
import { meet } from "./meet.ts";
import { scenarios } from "./scenarios/all.ts";
import { blob } from "./scenarios/scenario.ts";

/** Those of the table are what a busy machine may take. */
const patient = { idleSeconds: 5, totalSeconds: 120 };

const isTagPut = ({ method, path }: SeenExchange): boolean => method === "PUT" && path === "/v2/t/tool/manifests/1";
const isBlobPut = ({ method, path }: SeenExchange): boolean => method === "PUT" && path.includes("/blobs/uploads/");

/** A tag comes when all that it names is there, and each try of a blob has an upload of its own. */
function expectTagLast(seen: readonly SeenExchange[], exitCode: number): void {
  if (exitCode !== 0) {
    expect(seen.filter(isTagPut)).toEqual([]);
    return;
  }
  const own = seen.filter(({ path }) => path.startsWith("/v2/"));
  const firstTag = own.findIndex(isTagPut);
  expect(firstTag).toBeGreaterThan(0);
  expect(own.slice(firstTag).every(isTagPut)).toBe(true);
}

function expectUploadsOfTheirOwn(seen: readonly SeenExchange[]): void {
  // One that was asked for a new token is the same upload.
  const puts = seen.filter((exchange) => isBlobPut(exchange) && exchange.status !== 401);
  expect(new Set(puts.map(({ path }) => path)).size).toBe(puts.length);
}

test.concurrent.for(scenarios)("$operation: $name: exit $exitCode", async (scenario) => {
  const outcome = await meet(scenario, ours(inject("executable")), patient);
  if (outcome === undefined) throw new Error("ours has everything that a scenario is about");
  expect(outcome.exitCode, outcome.output).toBe(scenario.exitCode);
  expect(outcome.isDone).toBe(scenario.exitCode === 0);
  expect(outcome.blobBytes / blob.length).toBeLessThanOrEqual(scenario.maxTransfers);
  expect(outcome.output).not.toMatch(/secret|refresh|tok-[0-9]/);
  if (scenario.operation !== "push") return;
  expectTagLast(outcome.seen, scenario.exitCode);
  expectUploadsOfTheirOwn(outcome.seen);
});
