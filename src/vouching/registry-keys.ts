/**
 * Keys of a registry, in a file that the user names: a registry's own word about its keys would prove nothing.
 *
 * @see docs.npmjs.com, "About ECDSA registry signatures": the format of the registry's list of keys
 */
import { createPublicKey, type KeyObject } from "node:crypto";
import * as v from "valibot";
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import { isUtf16, readNamedText, utf16 } from "../files/regular-file.ts";

export interface RegistryKey {
  /** As signatures name the key. */
  readonly id: string;
  readonly key: KeyObject;
  /** End of its use, in milliseconds since the epoch; undefined: none. */
  readonly expiresMs: number | undefined;
}

/** npm's own list has 1 KB. */
const maxBytes = 256 * 1024;
const maxKeys = 64;

const instant = v.pipe(
  v.string(),
  v.transform((text) => Date.parse(text)),
  v.check((ms) => !Number.isNaN(ms)),
);
const schema = v.object({
  keys: v.pipe(
    v.array(
      v.object({
        keyid: v.pipe(v.string(), v.nonEmpty()),
        keytype: v.literal("ecdsa-sha2-nistp256"),
        key: v.string(),
        expires: v.nullish(instant),
      }),
    ),
    v.nonEmpty(),
    v.maxLength(maxKeys),
  ),
});

/** @throws {ConfigurationError} `KEY_INVALID` */
export function parseRegistryKeys(text: string, name: string): readonly RegistryKey[] {
  if (isUtf16(text)) {
    throw new ConfigurationError("KEY_INVALID", `the registry's keys ${name}: the file ${utf16.why}`, {
      hint: utf16.hint,
    });
  }
  try {
    return v.parse(schema, JSON.parse(text)).keys.map(({ keyid, key, expires }) => {
      const parsed = createPublicKey({ key: Buffer.from(key, "base64"), format: "der", type: "spki" });
      if (parsed.asymmetricKeyDetails?.namedCurve !== "prime256v1") throw new TypeError("another kind of key");
      return { id: keyid, key: parsed, expiresMs: expires ?? undefined };
    });
  } catch (cause) {
    throw new ConfigurationError("KEY_INVALID", `the registry's keys ${name} cannot be read`, {
      cause,
      hint: 'name a JSON file as npm\'s registry has it: {"keys": [{"keyid", "keytype": "ecdsa-sha2-nistp256", "key", "expires"}]}',
    });
  }
}

/** @throws {ConfigurationError} `KEY_INVALID` @throws {ArtifactNotFoundError} `FILE_NOT_FOUND` */
export async function readRegistryKeys(path: string, context: Pick<Context, "cwd">): Promise<readonly RegistryKey[]> {
  return parseRegistryKeys(await readNamedText(path, maxBytes, context), path);
}
