/** Judging of ages: who demands them, and which clock counts. */
import { describe, expect, test } from "vitest";
import { parseConfig } from "../../src/config/parse.ts";
import { readPolicies } from "../../src/config/policies.ts";
import { ageFaults, ageOptionDemands, agePolicies, faultText } from "../../src/locking/age.ts";
import type { Location } from "../../src/model/location.ts";

const day = 86_400_000;
const now = Date.UTC(2026, 10, 27, 12);
const acme: Location = { kind: "registry", registry: "ghcr.io", repository: "acme/protoc" };
const other: Location = { kind: "registry", registry: "ghcr.io", repository: "other/protoc" };
const layout: Location = { kind: "layout", path: "layout" };

async function demands(locations: readonly Location[], user: readonly object[], project: readonly object[] = []) {
  const file = async (path: string, policies: readonly object[]) => ({
    path,
    config: await parseConfig(JSON.stringify({ policies }), path),
  });
  const files = readPolicies(await file("/u", user), await file("/p", project));
  return agePolicies(locations, files).map(
    ({ kind, ms, policy, action }) => `${policy?.file} ${kind} ${ms / day} ${action}`,
  );
}

describe("age policies", () => {
  test("each aspect has a deciding prefix of its own", async () => {
    const policies = [
      { prefix: "*", minAgeDays: 7, maxAgeDays: 365 },
      { prefix: "ghcr.io/acme", minAgeDays: 1, action: "warn" },
    ];
    expect(await demands([acme], policies)).toEqual(["/u min 1 warn", "/u max 365 require"]);
    expect(await demands([other], policies)).toEqual(["/u min 7 require", "/u max 365 require"]);
    expect(await demands([layout], policies)).toEqual(["/u min 7 require", "/u max 365 require"]);
  });

  test("0 exempts in its own file, and a project exempts nothing that its user demands", async () => {
    const all = [{ prefix: "*", minAgeDays: 7 }];
    const exempt = { prefix: "ghcr.io/acme", minAgeDays: 0 };
    expect(await demands([acme], [...all, exempt])).toEqual([]);
    expect(await demands([acme], all, [exempt])).toEqual(["/u min 7 require"]);
    expect(await demands([acme], [exempt], all)).toEqual(["/p min 7 require"]);
  });

  test("a template whose platforms lie in several repositories must fulfil what any of them demands", async () => {
    const policies = [
      { prefix: "ghcr.io/acme", minAgeDays: 3 },
      { prefix: "ghcr.io/other", minAgeDays: 5 },
    ];
    expect(await demands([acme, other, acme], policies)).toEqual(["/u min 3 require", "/u min 5 require"]);
  });

  test.each<[string, object, string]>([
    ["a negative age", { minAgeDays: -1 }, "must be a number of days from 0 to 36500, not -1"],
    ["text", { minAgeDays: "7d" }, 'must be a number of days from 0 to 36500, not "7d"'],
    ["too many days", { minAgeDays: 36_501 }, "must be a number of days from 0 to 36500, not 36501"],
    ["a greatest age of nothing", { maxAgeDays: 0 }, "must be a number of days above 0, up to 36500, not 0"],
    ["a contradiction", { minAgeDays: 7, maxAgeDays: 7 }, "no version fulfils both"],
  ])("%s is an error of the file", async (_what, policy, message) => {
    const text = JSON.stringify({ policies: [{ prefix: "*", ...policy }] });
    await expect(parseConfig(text, "/p")).rejects.toMatchObject({
      code: "CONFIG_INVALID",
      message: expect.stringContaining(message),
    });
  });
});

describe("age faults", () => {
  const published = (daysAgo: number) => ({
    time: new Date(now - daysAgo * day).toISOString().replace(".000Z", "Z"),
    by: "registry" as const,
  });
  const clock = (daysAhead: number) => new Date(now + daysAhead * day);
  const options = ageOptionDemands({ minAgeMs: 7 * day, maxAgeMs: 30 * day });

  test.each<[string, number, number | undefined, readonly string[]]>([
    ["as old as demanded", 7, undefined, []],
    ["a second younger", 7 - 1 / 86_400, undefined, ["young"]],
    ["as old as allowed", 30, undefined, []],
    ["a second older", 30 + 1 / 86_400, undefined, ["old"]],
    ["a time in the future", -1, undefined, ["young"]],
    ["a time in the far future", -10_000, undefined, ["young"]],
    ["a clock of this machine that is years ahead: the registry's counts", 0, -1000, ["young"]],
    ["a clock of the registry that is years ahead makes nothing old enough", 3, 10, ["young"]],
    ["a clock of this machine that is behind makes nothing young enough", 29, 2, ["old"]],
    ["both clocks are right", 10, 0, []],
  ])("%s", (_what, daysAgo, ahead, expected) => {
    const known = { published: published(daysAgo), clock: ahead === undefined ? undefined : clock(ahead) };
    expect(ageFaults(options, known, now).map(({ problem }) => problem)).toEqual(expected);
  });

  test("without a trusted time, no demand is fulfilled", () => {
    const known = { published: undefined, clock: clock(0) };
    expect(ageFaults(options, known, now).map(({ problem }) => problem)).toEqual(["unknown", "unknown"]);
    expect(ageFaults([], known, now)).toEqual([]);
  });

  test("the hardest demand comes first, and tells when it will be fulfilled", () => {
    const soft = { kind: "min", ms: 4 * day, policy: { file: "/u", prefix: "*" }, action: "require" } as const;
    const [first, second] = ageFaults([soft, ...options], { published: published(3), clock: undefined }, now);
    expect(first && faultText(first)).toBe(
      "is 3 days old (2026-11-24 12:00 UTC, says the registry); --min-age demands at least 7 days",
    );
    expect(first?.oldEnoughAt?.toISOString()).toBe("2026-12-01T12:00:00.000Z");
    expect(second && faultText(second)).toContain("; the policy for * in /u demands at least 4 days");
  });
});
