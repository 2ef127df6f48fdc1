/** JSON that a registry, or whoever stands before it, answers with. */
import * as v from "valibot";

/** @returns undefined for what is no JSON, and for JSON of another shape. */
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
