/** `verify --signature` as a person types it: usage, keys, and an artifact without signatures. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

const reference = "oci:layout:1";

async function desk() {
  const dir = temporaryFolder();
  const call = (...args: string[]) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  writeFileSync(join(dir, "tool"), "tool");
  expect((await call("push", reference, "tool")).exitCode).toBe(0);
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(dir, "cosign.pub"), publicKey.export({ format: "pem", type: "spki" }));
  writeFileSync(join(dir, "cosign.key"), privateKey.export({ format: "pem", type: "pkcs8" }));
  writeFileSync(join(dir, "two.pub"), String(publicKey.export({ format: "pem", type: "spki" })).repeat(2));
  writeFileSync(join(dir, "empty"), "");
  writeFileSync(join(dir, "signer.crt"), "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n");
  writeFileSync(join(dir, "root.json"), "{}");
  return { dir, call };
}

test("verify: an artifact without signatures is exit 65, and the line says so", async () => {
  const { call } = await desk();
  for (const words of [
    ["verify", "--signature", reference, "--key", "cosign.pub"],
    ["verify", reference, "--signature", "--key", "cosign.pub"],
  ]) {
    const ran = await call(...words);
    expect([ran.exitCode, ran.stdout]).toEqual([
      65,
      expect.stringMatching(/Not verified \[SIGNATURE_MISSING\]: no signature found$/m),
    ]);
  }
  const platform = ["--platform", "linux-x86_64"];
  await call("push", "oci:layout:2", "--platform", "linux-x86_64=tool", "--sign-key", "cosign.key");
  const ofPlatform = await call("verify", "--signature", "oci:layout:2", "--key", "cosign.pub", ...platform);
  expect([ofPlatform.exitCode, ofPlatform.stdout]).toEqual([
    65,
    expect.stringMatching(/no signature found; for the signature of the whole index, leave out --platform$/m),
  ]);
  const ofIndex = await call("verify", "--signature", "oci:layout:2", "--key", "cosign.pub");
  expect(ofIndex.exitCode).toBe(0);
  const noRoot = await call("verify", "--signature", reference, "--key", "cosign.pub", "--trust-root", "none.json");
  expect([noRoot.exitCode, noRoot.stderr]).toEqual([
    66,
    expect.stringMatching(/file not found: none\.json[\s\S]*`buck2-oras trust-root -o none\.json`/),
  ]);
  const help = await call("verify", "--help");
  expect(help.stdout).not.toContain("default: []");
  const nobody = await call("verify", "--signature", reference);
  expect([nobody.exitCode, nobody.stdout]).toEqual([
    65,
    expect.stringMatching(/name a signer with --key or --identity/),
  ]);
});

const issuer = ["--issuer", "https://issuer.example"];
const root = ["--trust-root", "root.json"];

test.each([
  ["no reference", ["--signature", "--key=cosign.pub"], 64, /no reference is given/],
  ["two references", ["--signature", reference, "oci:layout:2"], 64, /more than one reference/],
  [
    "an identity without an issuer",
    ["--signature", reference, "--identity", "a@b.example", ...root],
    64,
    /any issuer could/,
  ],
  ["an issuer without an identity", ["--signature", reference, ...issuer, ...root], 64, /an issuer is given/],
  [
    "an identity without a root",
    ["--signature", reference, "--identity", "a@b.example", ...issuer],
    64,
    /no trust root/,
  ],
  ["an identity of everybody", ["--signature", reference, "--identity", "**", ...issuer, ...root], 64, /names nobody/],
  ["an empty identity", ["--signature", reference, "--identity", "", ...issuer, ...root], 64, /is empty/],
  [
    "an issuer of everybody",
    ["--signature", reference, "--identity", "a@b.example", "--issuer", "*", ...root],
    64,
    /names nobody/,
  ],
  [
    "a key without --signature",
    ["cosign.pub", `sha256:${"0".repeat(64)}`, "--key", "cosign.pub"],
    64,
    /no --signature/,
  ],
  ["a file without a digest", ["cosign.pub"], 64, /a file and its digest are needed/],
  ["a key that is missing", ["--signature", reference, "--key", "none.pub"], 66, /file not found: none\.pub/],
  ["a private key", ["--signature", reference, "--key", "cosign.key"], 78, /is a private key/],
  ["two keys in a file", ["--signature", reference, "--key", "two.pub"], 78, /holds several keys/],
  [
    "a certificate",
    ["--signature", reference, "--key", "signer.crt"],
    78,
    /is a certificate[\s\S]*openssl x509 -pubkey -noout -in CERTIFICATE/,
  ],
  ["an empty key", ["--signature", reference, "--key", "empty"], 78, /no public key in PEM/],
  ["a root that names nobody", ["--signature", reference, "--key", "cosign.pub", ...root], 78, /trust root root\.json/],
])("verify: %s is refused by name", async (_, words, exitCode, message) => {
  const { call } = await desk();
  const ran = await call("verify", ...words);
  expect([ran.exitCode, ran.stderr]).toEqual([exitCode, expect.stringMatching(message)]);
  expect(ran.stdout).toBe("");
});

test("verify: the audit log has the code of a refusal", async () => {
  const { call, dir } = await desk();
  await call("verify", "--signature", reference, "--key", "cosign.pub", "--audit-log", "audit.jsonl");
  const line = JSON.parse(readFileSync(join(dir, "audit.jsonl"), "utf8"));
  expect(line).toMatchObject({
    operation: "verify",
    outcome: "SIGNATURE_MISSING",
    digest: expect.stringMatching(/^sha256:/),
  });
});
