/** `verify --signature REF` by policies, templates, and layout folders without a network. */
import { generateKeyPairSync } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { keyBundle, signedRepository } from "../support/signed-repository.ts";
import { ecKey } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

test("policy: `verify --signature` demands the signers of each policy, and says which file demands them", async () => {
  const { policies, host, inProject, reference, artifact, attach, dir } = await signedRepository();
  const { publicKey, privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(dir, "own.pub"), publicKey.export({ format: "pem", type: "spki" }));
  policies([{ prefix: host, signers: [{ key: "cosign.pub" }] }]);
  policies([{ prefix: "*", signers: [{ key: join(dir, "own.pub") }] }], "user");
  attach(keyBundle(artifact.digest));
  const half = await inProject(["verify", "--signature", reference]);
  expect([half.exitCode, half.stdout]).toEqual([
    65,
    expect.stringContaining("Not verified [SIGNATURE_REFUSED]: 1 of 1"),
  ]);
  expect(half.stdout).toMatch(/^Policy for \* in .*config\.json: not fulfilled$/m);
  expect(half.stdout).toMatch(/^Policy for 127\.0\.0\.1:[0-9]+ in .*buck2-oras\.json: fulfilled$/m);
  attach(keyBundle(artifact.digest, privateKey));
  const whole = await inProject(["verify", "--signature", reference, "--json"]);
  const report = JSON.parse(whole.stdout);
  expect([whole.exitCode, report.verified, report.policies.length]).toEqual([0, true, 2]);
  expect(report.signatures.map((one: { counted: boolean }) => one.counted)).toEqual([true, true]);
  // Named signers stand for themselves.
  const named = await inProject(["verify", "--signature", reference, "--key", "own.pub", "--json"]);
  expect([named.exitCode, JSON.parse(named.stdout).policies]).toEqual([0, []]);
});

async function layout() {
  const dir = temporaryFolder();
  const { plain, publicPem } = ecKey();
  writeFileSync(join(dir, ".buckconfig"), "");
  writeFileSync(join(dir, "release.pub"), publicPem);
  writeFileSync(join(dir, "release.key"), plain);
  const call = (...args: string[]) => oras(args, { cwd: dir, env: { HOME: dir } });
  const policies = (prefix: string) => {
    const list = [{ prefix, signers: [{ key: "release.pub" }] }];
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ policies: list }));
  };
  const push = async (tag: string, platform: string) => {
    writeFileSync(join(dir, "tool"), `#!/bin/sh\necho ${platform}\n`, { mode: 0o755 });
    await succeeding(call("push", `oci:layout:${tag}`, "tool"));
  };
  const tool = () => parseLock(readFileSync(join(dir, "oras.lock.json"), "utf8"), "lock").tools.tool;
  return { call, policies, push, tool };
}

test("policy: `*` is for layout folders too, offline; a prefix of a registry is not", async () => {
  const { call, policies, push, tool } = await layout();
  await push("1", "any");
  policies("ghcr.io");
  await succeeding(call("lock", "add", "tool", "oci:layout:1", "--offline"));
  expect(tool()?.signatures).toBeUndefined();
  policies("*");
  const refused = await call("lock", "update", "--offline");
  expect([refused.exitCode, refused.stderr]).toEqual([65, expect.stringContaining("SIGNATURE_MISSING")]);
  await succeeding(call("sign", "oci:layout:1", "--key", "release.key"));
  await succeeding(call("lock", "update", "--offline"));
  expect(tool()?.signatures).toHaveLength(1);
  await succeeding(call("lock", "check", "--policy", "--online", "--offline"));
});

test("policy: of a template each platform's manifest must be signed", async () => {
  const { call, policies, push, tool } = await layout();
  policies("*");
  const platforms = ["darwin-arm64", "linux-x86_64"];
  for (const platform of platforms) await push(`1-${platform}`, platform);
  await succeeding(call("sign", "oci:layout:1-linux-x86_64", "--key", "release.key"));
  const half = await call("lock", "add", "tool", "oci:layout:1-{platform}");
  expect([half.exitCode, half.stderr]).toEqual([65, expect.stringContaining("SIGNATURE_MISSING")]);
  await succeeding(call("sign", "oci:layout:1-darwin-arm64", "--key", "release.key"));
  await succeeding(call("lock", "add", "tool", "oci:layout:1-{platform}"));
  const manifests = Object.values(tool()?.platforms ?? {}).map(({ manifest }) => manifest);
  expect(tool()?.signatures?.map(({ digest }) => digest)).toEqual(manifests.sort());
  await succeeding(call("lock", "check", "--policy"));
});
