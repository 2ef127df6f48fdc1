/** JSON that is nearly what a parser wants. */
import fc from "fast-check";

export const anyDigest = `sha256:${"ab".repeat(32)}`;

/** What may stand in place of any value of a document. */
const hostileValue = fc.constantFrom<unknown>(
  null,
  [],
  {},
  "",
  "x".repeat(300),
  "../../etc",
  "sha256:AB",
  -1,
  1e308,
  1.5,
  true,
  [[[]]],
  { digest: anyDigest },
  "__proto__",
  "\u0000\u001b[31m",
);

interface Place {
  readonly parent: Record<string, unknown>;
  readonly key: string;
}

function placesOf(value: unknown): Place[] {
  if (typeof value !== "object" || value === null) return [];
  const parent = value as Record<string, unknown>;
  return Object.keys(parent).flatMap((key) => [{ parent, key }, ...placesOf(parent[key])]);
}

interface Change {
  readonly at: number;
  readonly kind: "replace" | "remove" | "add";
  readonly value: unknown;
}

export const changes = fc.array(
  fc.record({ at: fc.nat(10_000), kind: fc.constantFrom("replace", "replace", "remove", "add"), value: hostileValue }),
  { maxLength: 2 },
);

/** A copy of a well-formed document with a value replaced, removed or added somewhere in it. */
export function changed(document: unknown, edits: readonly Change[]): unknown {
  const copy: unknown = structuredClone(document);
  for (const { at, kind, value } of edits) {
    const places = placesOf(copy);
    const place = places[at % Math.max(1, places.length)];
    if (place === undefined) return value;
    if (kind === "remove") delete place.parent[place.key];
    else if (kind === "replace") place.parent[place.key] = structuredClone(value);
    else place.parent[`__proto__${at % 3}`] = structuredClone(value);
  }
  return copy;
}

/** Texts of well-formed documents with none, one or two changes. */
export function documents(wellFormed: readonly unknown[]): fc.Arbitrary<string> {
  return fc
    .tuple(fc.constantFrom(...wellFormed), changes)
    .map(([one, edits]) => JSON.stringify(changed(one, edits)) ?? "");
}
