/** Detection of reserved object keys in JSON from outside; the author of the JSON chooses the keys. */

/** Keys with a special meaning in JavaScript. Valibot drops them silently, so rewriting a file would lose them. */
export const reservedKeys = ["__proto__", "constructor", "prototype"] as const;

/** The first reserved key at any depth of parsed JSON. Without recursion: the author of the JSON chooses the depth. */
export function reservedKeyIn(json: unknown): string | undefined {
  const pending: unknown[] = [json];
  for (let value = pending.pop(); pending.length > 0 || value !== undefined; value = pending.pop()) {
    if (typeof value !== "object" || value === null) continue;
    const found = reservedKeys.find((key) => Object.hasOwn(value as object, key));
    if (found !== undefined) return found;
    for (const item of Object.values(value)) pending.push(item);
  }
  return undefined;
}
