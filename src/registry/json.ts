/** Parsing of untrusted JSON answers. */
import * as v from "valibot";

/** @returns undefined for malformed JSON, and for JSON of another shape. */
export function readJson<Schema extends v.GenericSchema>(
  bytes: Uint8Array,
  schema: Schema,
): v.InferOutput<Schema> | undefined {
  try {
    const result = v.safeParse(schema, JSON.parse(new TextDecoder().decode(bytes)));
    return result.success ? result.output : undefined;
  } catch {
    return undefined;
  }
}
