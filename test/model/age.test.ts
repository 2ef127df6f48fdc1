import { expect, test } from "vitest";
import { formatAge, formatDemandedAge, parseAge } from "../../src/model/age.ts";

const hour = 3_600_000;
const day = 24 * hour;

test.each<[string, number]>([
  ["36h", 36 * hour],
  ["1h", hour],
  ["7d", 7 * day],
  ["7D", 7 * day],
  [" 7d ", 7 * day],
  ["7 days", 7 * day],
  ["1 day", day],
  ["2w", 14 * day],
  ["1 week", 7 * day],
  ["24 hours", day],
  ["36500d", 36_500 * day],
])("age: %s", (text, ms) => {
  expect(parseAge(text)).toBe(ms);
});

// Minutes for pnpm, days for Dependabot, seconds for others: a bare number would be misread by somebody.
test.each([
  "7",
  "1440",
  "0d",
  "0h",
  "-7d",
  "+7d",
  "7m",
  "7M",
  "7s",
  "7y",
  "1.5d",
  "7,5d",
  "1e3d",
  "0x7d",
  "7d12h",
  "P7D",
  "7  days",
  "7 d ago",
  "7days ago",
  "36501d",
  "9999999d",
  "2026-01-31",
  "d",
  "",
  " ",
  "٧d",
  "7ｄ",
  "constructor",
  "1constructor",
  "7dss",
])("age: %j is refused", (text) => {
  expect(parseAge(text)).toBeUndefined();
});

test("age: shown rounded down, and a demand as it is", () => {
  expect([-day, 0, hour - 1, hour, 47 * hour, 48 * hour, 7 * day - 1].map(formatAge)).toEqual([
    "less than an hour",
    "less than an hour",
    "less than an hour",
    "1 hour",
    "47 hours",
    "2 days",
    "6 days",
  ]);
  expect([7 * day, day, 36 * hour, 2.5 * day, hour].map(formatDemandedAge)).toEqual([
    "7 days",
    "1 day",
    "36 hours",
    "2.5 days",
    "1 hour",
  ]);
});
