/** Policies and real cosign, on real registries: with the referrers API, and without. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { cosign } from "../support/cosign.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type RealRegistry, realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { succeeding } from "../support/succeeding.ts";

async function desk(program: RealRegistry, context: TestContext) {
  const signer = cosign(context);
  const host = await startRealRegistry(program, context);
  const dir = temporaryFolder();
  writeFileSync(join(dir, ".buckconfig"), "");
  const call = (...args: string[]) =>
    oras(args, { cwd: dir, env: { HOME: dir, BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  const push = async (tag: string, text: string): Promise<string> => {
    for (const platform of ["linux-x86_64", "darwin-arm64"]) {
      writeFileSync(join(dir, platform), `#!/bin/sh\necho ${platform} ${text}\n`, { mode: 0o755 });
    }
    const platforms = ["linux-x86_64=linux-x86_64", "darwin-arm64=darwin-arm64"].flatMap((one) => ["--platform", one]);
    const ran = await succeeding(call("push", `${host}/t/tool:${tag}`, ...platforms, "--json"));
    return `${host}/t/tool@${JSON.parse(ran.stdout).digest}`;
  };
  const policies = (list: readonly object[]): void =>
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ policies: list }));
  const lockText = (): string => readFileSync(join(dir, "oras.lock.json"), "utf8");
  const signatures = () => parseLock(lockText(), "lock").tools.tool?.signatures ?? [];
  return { signer, host, call, push, policies, lockText, signatures };
}

for (const program of realRegistries) {
  test(`policy: cosign's signatures let a tool into the lock, and another key's do not, on ${program}`, async (context) => {
    const { signer, host, call, push, policies, lockText, signatures } = await desk(program, context);
    const [own, other] = [await signer.generate("own"), await signer.generate("other")];
    const reference = `${host}/t/tool:1`;
    policies([{ prefix: `${host}/t`, signers: [{ key: own.publicKey }] }]);
    const first = await push("1", "first");
    const unsigned = await call("lock", "add", "tool", reference);
    expect([unsigned.exitCode, unsigned.stderr]).toEqual([65, expect.stringContaining("SIGNATURE_MISSING")]);
    await signer.sign(first, other.key);
    const foreign = await call("lock", "add", "tool", reference);
    expect([foreign.exitCode, foreign.stderr]).toEqual([65, expect.stringContaining("SIGNATURE_REFUSED")]);
    await signer.sign(first, own.key);
    await succeeding(call("lock", "add", "tool", reference));
    const [digest] = signatures().map((one) => one.digest);
    expect([signatures().length, first.endsWith(`@${digest}`)]).toEqual([1, true]);

    // A referrer that appears afterwards changes nothing.
    const text = lockText();
    await signer.sign(first, other.key, "old");
    await succeeding(call("lock", "update"));
    expect(lockText()).toBe(text);
    await succeeding(call("lock", "check", "--policy"));
    await succeeding(call("lock", "check", "--policy", "--online"));

    // The tag moves to a version of somebody else, and then to one that is signed in cosign 2's form.
    const second = await push("1", "second");
    await signer.sign(second, other.key);
    expect((await call("lock", "update")).exitCode).toBe(65);
    expect(lockText()).toBe(text);
    await signer.sign(second, own.key, "old");
    await succeeding(call("lock", "update"));
    expect(signatures().map((one) => second.endsWith(`@${one.digest}`))).toEqual([true]);

    // Each platform's manifest, as `cosign sign --recursive` signs them, serves a template and one platform alone.
    const third = await push("3", "third");
    await signer.sign(third, own.key, "recursive");
    await succeeding(call("lock", "add", "tool", `${host}/t/tool:3`, "--platform", "linux-x86_64"));
    const verified = await call("verify", "--signature", third, "--json");
    expect([verified.exitCode, JSON.parse(verified.stdout).policies]).toEqual([
      0,
      [expect.objectContaining({ prefix: `${host}/t`, fulfilled: true })],
    ]);
  });

  test(`policy: of two keys one is enough, and a policy with the other key alone changes the signer, on ${program}`, async (context) => {
    const { signer, host, call, push, policies, signatures } = await desk(program, context);
    const [own, other] = [await signer.generate("own"), await signer.generate("other")];
    const reference = `${host}/t/tool:1`;
    const pinned = await push("1", "first");
    policies([{ prefix: `${host}/t`, signers: [{ key: own.publicKey }, { key: other.publicKey }] }]);
    await signer.sign(pinned, other.key);
    await succeeding(call("lock", "add", "tool", reference));
    await signer.sign(pinned, own.key);
    await succeeding(call("lock", "update"));
    expect(signatures()).toHaveLength(2);
    // One of them is enough afterwards, and none is too few.
    const next = await push("1", "next");
    await signer.sign(next, own.key);
    await succeeding(call("lock", "update"));
    policies([{ prefix: "*", signers: [{ key: other.publicKey }] }]);
    expect((await call("lock", "update")).exitCode).toBe(65);
    await signer.sign(next, other.key);
    const changed = await call("lock", "update");
    expect([changed.exitCode, changed.stderr]).toEqual([65, expect.stringContaining("SIGNER_CHANGED")]);
  });
}
