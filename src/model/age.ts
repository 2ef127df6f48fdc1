/** Ages such as `7d`: parsed from what people write, and shown to people. */

const hourMs = 3_600_000;
export const dayMs = 24 * hourMs;

const unitMs: Readonly<Record<string, number>> = {
  h: hourMs,
  hour: hourMs,
  d: dayMs,
  day: dayMs,
  w: 7 * dayMs,
  week: 7 * dayMs,
};

/** A hundred years: more is a mistake, and dates beyond cannot be shown. */
export const maxAgeDays = 36_500;

export const ageForm = "a whole number with a unit: 36h, 7d or 2w (hours, days, weeks)";

/**
 * A number without a unit is refused, since other programs read minutes, days or seconds; so is `m`, for minutes or
 * months.
 *
 * @returns Milliseconds of `36h`, `7d`, `7 days` or `2w`; undefined for anything else, and for 0.
 */
export function parseAge(text: string): number | undefined {
  const [, count, unit] = /^([0-9]{1,6}) ?([a-z]{1,4}?)s?$/i.exec(text.trim()) ?? [];
  const ms = Number(count) * (unitMs[(unit ?? "").toLowerCase()] ?? Number.NaN);
  return ms > 0 && ms <= maxAgeDays * dayMs ? ms : undefined;
}

function counted(count: number, unit: string): string {
  return `${count} ${unit}${count === 1 ? "" : "s"}`;
}

/** `3 days`, or `5 hours` below two days; rounded down, so that no version looks older than it is. */
export function formatAge(ms: number): string {
  const hours = Math.floor(Math.max(0, ms) / hourMs);
  if (hours < 1) return "less than an hour";
  return hours < 48 ? counted(hours, "hour") : counted(Math.floor(hours / 24), "day");
}

/** A demanded age, without rounding: `7 days`, `36 hours`. */
export function formatDemandedAge(ms: number): string {
  const days = ms / dayMs;
  if (Number.isInteger(days)) return counted(days, "day");
  return ms < 2 * dayMs ? counted(Number((ms / hourMs).toFixed(2)), "hour") : counted(Number(days.toFixed(2)), "day");
}
