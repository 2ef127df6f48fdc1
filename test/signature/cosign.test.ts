/** Signatures that real cosign writes, on real registries: with the referrers API, and without. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { expect, type TestContext, test } from "vitest";
import { verifySignatureSchema } from "../../src/cli/schemas/signatures.ts";
import { cosign } from "../support/cosign.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { startZot } from "../support/zot.ts";

type Start = (program: string) => Promise<{ readonly host: string; readonly stop: () => Promise<void> }>;

const registries: readonly (readonly [string, Start])[] = [
  ["registry", startDockerRegistry],
  ["docker-registry", startDockerRegistry],
  ["zot", (program) => startZot(program)],
];

async function desk(context: TestContext, program: string, start: Start) {
  const registry = await start(requireProgram(context, program));
  context.onTestFinished(registry.stop);
  const dir = temporaryFolder();
  const call = (...args: string[]) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  const push = async (name: string): Promise<string> => {
    writeFileSync(join(dir, "tool"), `#!/bin/sh\necho ${name}\n`);
    const reference = `${registry.host}/t/${name}:1`;
    const ran = await call("push", reference, "--platform", "linux-x86_64=tool", "--json");
    expect(ran.exitCode, ran.stderr).toBe(0);
    return `${registry.host}/t/${name}@${JSON.parse(ran.stdout).digest}`;
  };
  const verify = async (...args: string[]) => {
    const ran = await call("verify", "--signature", ...args, "--json");
    return { exitCode: ran.exitCode, report: v.parse(verifySignatureSchema, JSON.parse(ran.stdout)) };
  };
  return { call, push, verify };
}

for (const [program, start] of registries) {
  test(`verify: signatures of cosign count on ${program}, in the new form and the old, by their key alone`, async (context) => {
    const signer = cosign(context);
    const [own, other] = [await signer.generate("own"), await signer.generate("other")];
    const { push, verify, call } = await desk(context, program, start);
    const reference = await push("new");
    const none = await verify(reference, "--key", own.publicKey);
    expect([none.exitCode, none.report.code, none.report.signatures]).toEqual([65, "SIGNATURE_MISSING", []]);

    await signer.sign(reference, own.key);
    const good = await verify(reference, "--key", own.publicKey);
    expect(good.exitCode, JSON.stringify(good.report)).toBe(0);
    expect(good.report.signatures).toMatchObject([
      { form: "sigstore-bundle", signer: { kind: "key" }, time: null, counted: true, problem: null },
    ]);
    const wrong = await verify(reference, "--key", other.publicKey);
    expect([wrong.exitCode, wrong.report.code]).toEqual([65, "SIGNATURE_REFUSED"]);
    expect(wrong.report.signatures).toMatchObject([{ signer: null, counted: false, problem: "other-key" }]);
    // One of several keys is enough, and both signatures are shown.
    await signer.sign(reference, other.key);
    const both = await verify(reference, "--key", own.publicKey, "--key", other.publicKey);
    expect(both.report.signatures.map(({ counted }) => counted)).toEqual([true, true]);

    const old = await push("old");
    await signer.sign(old, own.key, "old");
    const oldForm = await verify(old, "--key", own.publicKey);
    expect(oldForm.report.signatures).toMatchObject([{ form: "simple-signing", counted: true }]);
    expect((await verify(old, "--key", other.publicKey)).exitCode).toBe(65);

    // A signature of the index is no signature of a platform's manifest.
    const platform = await verify(reference, "--key", own.publicKey, "--platform", "linux-x86_64");
    expect([platform.exitCode, platform.report.code]).toEqual([65, "SIGNATURE_MISSING"]);

    // cosign signs the platforms' manifests, too, when it is told to.
    await signer.sign(reference, own.key, "recursive");
    const each = await verify(reference, "--key", own.publicKey, "--platform", "linux-x86_64");
    expect([each.exitCode, each.report.digest === good.report.digest]).toEqual([0, false]);

    const shown = await call("verify", "--signature", reference, "--key", own.publicKey);
    expect(shown.stdout).toMatch(/^counts +sigstore-bundle +key sha256:[0-9a-f]{64} +no trusted time$/m);
    expect(shown.stdout).toMatch(/^Verified: 2 of 3 signatures count$/m);
  });
}
