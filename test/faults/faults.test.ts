import { expect, inject, test } from "vitest";
import { ours, pullOnce } from "./contenders.ts";
import { blob, scenarios } from "./scenarios.ts";

test.for(scenarios)("fault: $name: exit $exitCode", { timeout: 60_000 }, async (scenario) => {
  const outcome = await pullOnce(scenario, ours(inject("executable")));
  expect(outcome.exitCode, outcome.stderr).toBe(scenario.exitCode);
  expect(outcome.isWhole).toBe(scenario.exitCode === 0);
  expect(outcome.blobBytes / blob.length).toBeLessThanOrEqual(scenario.maxTransfers);
});
