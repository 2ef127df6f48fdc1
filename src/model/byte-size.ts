/** Parsing of byte sizes such as `500M`. */

const unitBytes: Readonly<Record<string, number>> = {
  "": 1,
  k: 1000,
  m: 1000 ** 2,
  g: 1000 ** 3,
  t: 1000 ** 4,
  ki: 1024,
  mi: 1024 ** 2,
  gi: 1024 ** 3,
  ti: 1024 ** 4,
};

/** @returns Bytes of `500M`, `2GiB` or `1048576`; undefined for anything else. */
export function parseByteSize(text: string): number | undefined {
  const match = /^([0-9]{1,15}(?:\.[0-9]{1,9})?)\s*([kmgt]i?)?b?$/i.exec(text.trim());
  const factor = unitBytes[(match?.[2] ?? "").toLowerCase()];
  if (match === null || factor === undefined) return undefined;
  const bytes = Math.floor(Number(match[1]) * factor);
  return Number.isSafeInteger(bytes) ? bytes : undefined;
}
