/** Ages that people write, and dates that registries send. */
import fc from "fast-check";
import { expect, test } from "vitest";
import { dayMs, maxAgeDays, parseAge } from "../../src/model/age.ts";
import { parseHttpDate } from "../../src/registry/manifest-time.ts";
import { holds, isQuick, mutated } from "../support/property.ts";

const hourMs = 3_600_000;

test("ages: what is accepted is a whole number of hours, in bounds, and the number and unit of the text", () => {
  const written = fc
    .tuple(fc.nat(99_999), fc.constantFrom("h", "d", "w", " hours", " day", "weeks", " h"))
    .map(([count, unit]) => `${count}${unit}`);
  const hostile = ["0", "-", ".", " ", "m", "y", "s", "d", "e3", "\0", "P", "constructor", "٣", "\n", "_"];
  holds("ages", mutated(written, hostile), (text) => {
    const ms = parseAge(text);
    if (ms === undefined) return false;
    expect(Number.isInteger(ms / hourMs)).toBe(true);
    expect(ms).toBeGreaterThan(0);
    expect(ms).toBeLessThanOrEqual(maxAgeDays * dayMs);
    const [, count, unit] = /^([0-9]+) ?([hdw])/i.exec(text.trim()) ?? [];
    expect(ms).toBe(
      Number(count) * { h: hourMs, d: dayMs, w: 7 * dayMs }[(unit ?? "").toLowerCase() as "h" | "d" | "w"],
    );
    return true;
  });
});

test("ages: a long text takes no time", () => {
  isQuick(parseAge, "9".repeat(1_000_000));
  isQuick(parseAge, `${" ".repeat(1_000_000)}7d`);
});

test("dates: what is accepted is shown as it was sent", () => {
  const sent = fc
    .date({ min: new Date(1000), max: new Date("2999-12-31T00:00:00Z"), noInvalidDate: true })
    .map((date) => date.toUTCString());
  const hostile = ["GMT", "UTC", "+0000", "Feb 30", "31 Jun", "24:00:00", "60", " ", ",", "\0", "-", "2026", "99", "Z"];
  holds("dates", mutated(sent, hostile), (text) => {
    const date = parseHttpDate(text);
    if (date === undefined) return false;
    expect(date.toUTCString().slice(5)).toBe(text.slice(5));
    return true;
  });
});

test("dates: a long text takes no time", () => {
  isQuick(parseHttpDate, "Mon, 01 Jan 2026 00:00:00 GMT".repeat(30_000));
});
