/** Files in the encodings that Windows writes: keys, trust roots and the keys of registries. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readSigningKey } from "../../src/signature/signing-key.ts";
import { readTrustRoot } from "../../src/signature/trust-root.ts";
import { readVerifyingKey } from "../../src/signature/verifying-key.ts";
import { readRegistryKeys } from "../../src/vouching/registry-keys.ts";
import { testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { keyless } from "../support/keyless.ts";
import { ecKey } from "../support/signing-keys.ts";

const { plain, publicPem } = ecKey();
const registryKeys = JSON.stringify({
  keys: [{ keyid: "SHA256:a", keytype: "ecdsa-sha2-nistp256", key: "", expires: null }],
});

test.for([
  ["a public key", publicPem, readVerifyingKey, "KEY_INVALID"],
  ["a private key", plain, (path: string) => readSigningKey(path, testContext(), async () => ""), "KEY_INVALID"],
  ["a trust root", keyless().root, readTrustRoot, "TRUST_ROOT_INVALID"],
  ["a registry's keys", registryKeys, readRegistryKeys, "KEY_INVALID"],
] as const)("%s in UTF-16 is named as such, with what to do", async ([, text, read, code]) => {
  const path = join(temporaryFolder(), "file");
  for (const mark of ["\uFEFF", ""]) {
    writeFileSync(path, Buffer.from(mark + text, "utf16le"));
    await expect(read(path, testContext())).rejects.toMatchObject({
      code,
      message: expect.stringMatching(/file.* is text in UTF-16$/),
      hint: expect.stringMatching(/^write the file as UTF-8: /),
    });
  }
});

test("the mark of UTF-8 is no part of a file", async () => {
  const path = join(temporaryFolder(), "file");
  writeFileSync(path, `\uFEFF${keyless().root}`);
  expect((await readTrustRoot(path, testContext())).certificateAuthorities).not.toEqual([]);
  writeFileSync(path, `\uFEFF${publicPem}`);
  expect((await readVerifyingKey(path, testContext())).fingerprint).toMatch(/^sha256:/);
  writeFileSync(path, `\uFEFF${plain}`);
  expect((await readSigningKey(path, testContext(), async () => "")).algorithm).toBe("ECDSA P-256");
});
