/**
 * Digests: `sha256:` and 64 lower-case hex digits. Other algorithms are refused. A digest is therefore always safe in a
 * path or a URL.
 */
import { createHash } from "node:crypto";
import { UsageError } from "../errors.ts";

declare const digestBrand: unique symbol;

/** The mark of a checked digest; no value has the property. */
export interface CheckedDigest {
  readonly [digestBrand]: true;
}

/** `sha256:` and 64 lower-case hex digits. */
export type Digest = string & CheckedDigest;

export const digestPattern = /^sha256:[0-9a-f]{64}$/;

export function isDigest(text: string): text is Digest {
  return digestPattern.test(text);
}

/**
 * Parses input of a user or caller: `sha256:<hex>`, or the 64 hex digits alone.
 *
 * @throws {UsageError} `DIGEST_INVALID` for upper case, another algorithm, another length.
 */
export function parseDigest(text: string): Digest {
  const candidate = /^[0-9a-f]{64}$/.test(text) ? `sha256:${text}` : text;
  if (isDigest(candidate)) return candidate;
  throw new UsageError("DIGEST_INVALID", `${JSON.stringify(text)} is not a digest`, {
    hint: "write `sha256:` and 64 lower-case hex digits",
  });
}

/** The 64 hex digits. */
export function digestHex(digest: Digest): string {
  return digest.slice("sha256:".length);
}

/** @param hex The result of `createHash("sha256")…digest("hex")`. */
export function digestFromHex(hex: string): Digest {
  const digest = `sha256:${hex}`;
  if (!isDigest(digest)) throw new TypeError(`not a SHA-256 in hex: ${hex}`);
  return digest;
}

export function digestOf(bytes: Uint8Array | string): Digest {
  return digestFromHex(createHash("sha256").update(bytes).digest("hex"));
}
