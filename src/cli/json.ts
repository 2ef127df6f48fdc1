/** Converts results to JSON values: `undefined` becomes `null`, so that every key is present. */

export type Json<T> = T extends undefined
  ? null
  : T extends string | number | boolean
    ? T
    : T extends readonly (infer Item)[]
      ? Json<Item>[]
      : T extends object
        ? { -readonly [Key in keyof T]: Json<T[Key]> }
        : T;

/** @param value Plain objects, arrays and scalars. */
export function jsonOf<T>(value: T): Json<T>;
export function jsonOf(value: unknown): unknown {
  if (value === undefined) return null;
  if (Array.isArray(value)) return value.map((item: unknown) => jsonOf(item));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, jsonOf<unknown>(item)]));
}
