/** Arithmetic of the model behind docs/scale.md, on a fleet that is small enough to count. */
import { expect, test } from "vitest";
import { type Assumptions, daysOf, measuredIn } from "../../bench/scale/model.mjs";

/** 2 machines, 3 builds each, 4 of 8 tools in a build, 2 new versions: a machine uses one of them. */
const small: Assumptions = {
  toolsInLock: 8,
  builders: 2,
  buildsPerBuilder: 3,
  toolsPerBuild: 4,
  toolBytes: 1_000_000_000,
  newVersionsPerDay: 2,
  checkoutsPerBuilder: 2,
  cleansPerBuilder: 1,
  mirrors: 3,
  manifestsPerTag: 2,
  quotaManifests: 5,
  quotaHours: 6,
  limitPerSecond: 0.03,
  busyHours: 1,
  dollarsPerGb: 0.5,
};
const measured = { openRequests: 1, tokenRequests: 3, nativeSavesMs: 100 };
const { new: fresh, staying } = daysOf(small, measured);

test("scale: machines that are new for each build fetch every tool", () => {
  // 6 builds of 4 tools.
  expect(fresh.tags).toMatchObject({ blobs: 24, manifests: 48, requests: 24 * (2 + 2 + 1) });
  expect(fresh.lock).toMatchObject({ blobs: 24, manifests: 0, requests: 72 });
  expect(fresh.native).toMatchObject({ blobs: 24, manifests: 0, requests: 24 });
});

test("scale: machines that stay fetch new versions, and look up every tag", () => {
  expect(staying.tags).toMatchObject({ blobs: 2, manifests: 48, requests: 2 + 24 * 4 });
  expect(staying.lock).toMatchObject({ blobs: 2, manifests: 0, requests: 6 });
  // Each machine: one new version in two checkouts, and four tools after a clean.
  expect(staying.native).toMatchObject({ blobs: 12, requests: 12 });
});

test("scale: mirrors and an action cache make the number of machines meaningless", () => {
  expect(fresh.mirror).toEqual(staying.mirror);
  expect(fresh.mirror).toMatchObject({ blobs: 6, requests: 18 });
  expect(fresh["action cache"]).toMatchObject({ blobs: 2, requests: 6 });
  const larger = daysOf({ ...small, builders: 1000 }, measured);
  expect(larger.new.mirror).toEqual(fresh.mirror);
});

test("scale: traffic, cost, quota and limit follow from the requests", () => {
  // 48 manifests in a day are 12 in six hours, and 5 are allowed.
  expect(fresh.tags).toMatchObject({ bytes: 24e9, dollars: 12, accounts: 3 });
  expect(fresh.tags.perSecond).toBeCloseTo(120 / 3600);
  expect([fresh.tags.isOverLimit, fresh.lock.isOverLimit]).toEqual([true, false]);
  expect(fresh.lock.accounts).toBe(0);
});

test("scale: constants come from the bench's results, and a missing one is named", () => {
  const requests = { results: { open: { value: 1 }, tokens: { value: 3 } } };
  const tools = { results: { native: { ms: [100, 300, 200] }, process: { ms: [1200, 1000] } } };
  expect(measuredIn({ families: { requests, tools } })).toEqual({ ...measured, nativeSavesMs: 18 });
  expect(measuredIn({ families: { requests } }).nativeSavesMs).toBeUndefined();
  expect(() => measuredIn({ families: {} })).toThrow("no requests of a cold locked pull, open");
});
