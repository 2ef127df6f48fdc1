/** Schema of digests; apart from the digest, whose declaration the library ships without a schema library. */
import * as v from "valibot";
import { type Digest, digestPattern, isDigest } from "./digest.ts";

/** Schema of a digest in a JSON document. */
export const digestSchema = v.pipe(
  v.custom<Digest>((value) => typeof value === "string" && isDigest(value), "must be `sha256:` and 64 hex digits"),
  v.metadata({ pattern: digestPattern.source }),
);
