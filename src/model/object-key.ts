/** Keys of objects that come from outside: whoever writes a file chooses them. */

/**
 * Keys that mean something else to JavaScript. Valibot leaves them out of what it reads, without a word, so a file that has one of
 * them would lose it when it is written again.
 */
export const reservedKeys = ["__proto__", "constructor", "prototype"] as const;

/** The first reserved key of an object anywhere in parsed JSON. Without recursion: who wrote it chooses how deep it is. */
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
