/** Values that several results have. */
import * as v from "valibot";

export const digest = v.pipe(v.string(), v.regex(/^sha256:[0-9a-f]{64}$/));
export const size = v.pipe(v.number(), v.integer(), v.minValue(0), v.description("Bytes."));
export const platform = v.nullable(
  v.pipe(v.string(), v.description("Platform string; null if the artifact is the same for every platform.")),
);
export const contentSize = v.pipe(v.number(), v.integer(), v.minValue(0), v.description("Bytes before compression."));
export const count = v.pipe(v.number(), v.integer(), v.minValue(0));
