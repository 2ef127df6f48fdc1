/** Checksums that npm's registry states for an archive. */
import { createHash } from "node:crypto";
import { readChunks } from "../archive/chunks.ts";

/** Strongest first; only the strongest stated algorithm counts. */
const algorithms = ["sha512", "sha384", "sha256", "sha1"] as const;

export interface StatedSum {
  readonly algorithm: (typeof algorithms)[number];
  /** In base64; one match is enough. */
  readonly values: readonly string[];
}

/**
 * @param integrity In the format of Subresource Integrity.
 * @param shasum SHA-1 in hex, from registries without `integrity`.
 * @returns undefined without a checksum that can be verified.
 * @see W3C, "Subresource Integrity", 3.3
 */
export function statedSum(integrity: string | undefined, shasum: string | undefined): StatedSum | undefined {
  const stated = (integrity ?? "").split(/\s+/).flatMap((one) => {
    const [, name, value] = /^(sha[0-9]+)-([A-Za-z0-9+/]+={0,2})(?:\?|$)/.exec(one) ?? [];
    return name === undefined || value === undefined ? [] : [{ name, value }];
  });
  for (const algorithm of algorithms) {
    const values = stated.filter(({ name }) => name === algorithm).map(({ value }) => value);
    if (values.length > 0) return { algorithm, values };
  }
  if (shasum === undefined || !/^[0-9a-f]{40}$/i.test(shasum)) return undefined;
  return { algorithm: "sha1", values: [Buffer.from(shasum, "hex").toString("base64")] };
}

export async function hasSum(path: string, { algorithm, values }: StatedSum, signal: AbortSignal): Promise<boolean> {
  const hash = createHash(algorithm);
  for await (const chunk of readChunks(path, signal)) hash.update(chunk);
  return values.includes(hash.digest("base64"));
}
