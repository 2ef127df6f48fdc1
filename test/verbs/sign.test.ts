/** `sign`: what it writes, what cosign says to it, and what it refuses. */
import type { ChildProcess } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { expect, test } from "vitest";
import { signSchema } from "../../src/cli/schemas/published.ts";
import { oras, orasWords } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { reply } from "../support/registry/in-process/exchange.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { type Ran, run } from "../support/run.ts";
import { ecKey, encryptedPem } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

const key = ecKey();
const other = ecKey();
const encrypted = encryptedPem(key, "secret");
const none = `sha256:${"0".repeat(64)}`;

function desk(program?: string) {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  // Distribution 2 can refuse a manifest that is sent twice at the same time.
  writeFileSync(join(dir, "other"), "#!/bin/sh\nother\n");
  writeFileSync(join(dir, "plain.key"), key.plain, { mode: 0o600 });
  writeFileSync(join(dir, "plain.pub"), key.publicPem);
  writeFileSync(join(dir, "other.key"), other.plain, { mode: 0o600 });
  writeFileSync(join(dir, "other.pub"), other.publicPem);
  writeFileSync(join(dir, "cosign.key"), encrypted);
  const call = (
    args: readonly string[],
    options: { env?: Record<string, string>; input?: string } = {},
  ): Promise<Ran> => oras(args, { cwd: dir, isDetached: true, ...options });
  const push = async (reference: string, ...args: readonly string[]): Promise<string> => {
    const paths = args.length === 0 ? ["tool"] : args;
    return JSON.parse((await succeeding(call(["push", reference, ...paths, "--json"]))).stdout).digest;
  };
  const sign = async (reference: string, ...args: readonly string[]): Promise<v.InferOutput<typeof signSchema>> => {
    const ran = await succeeding(call(["sign", reference, "--key", "plain.key", "--json", ...args]));
    return v.parse(signSchema, JSON.parse(ran.stdout));
  };
  const cosign = (...args: readonly string[]): Promise<Ran> => run(program ?? "cosign", args, { cwd: dir });
  const verify = (reference: string, publicKey = "plain.pub"): Promise<Ran> =>
    cosign("verify", "--key", publicKey, "--insecure-ignore-tlog=true", reference);
  return { dir, call, push, sign, cosign, verify };
}

test.for(realRegistries)(
  "sign on %s: cosign verifies a manifest and an index, and no other key",
  async (name, context) => {
    const { push, sign, verify } = desk(requireProgram(context, "cosign"));
    const host = await startRealRegistry(name, context);
    for (const args of [[], ["--platform", "linux-x86_64=tool", "--platform", "darwin-arm64=other"]]) {
      const repository = `${host}/tools/tool${args.length}`;
      const digest = await push(`${repository}:1`, ...args);
      const signed = await sign(`${repository}@${digest}`);
      expect(signed).toMatchObject({ reference: `${repository}@${digest}`, digest, signature: { added: true } });
      const { stdout } = await succeeding(verify(`${repository}:1`));
      expect(JSON.parse(stdout)[0].critical.image["docker-manifest-digest"]).toBe(digest);
      const refused = await verify(`${repository}:1`, "other.pub");
      expect(refused.exitCode).not.toBe(0);
    }
  },
);

test.for(realRegistries)(
  "sign on %s: a key signs an artifact once, and a second key beside it",
  async (name, context) => {
    const { push, sign, verify } = desk(requireProgram(context, "cosign"));
    const repository = `${await startRealRegistry(name, context)}/tools/tool`;
    const digest = await push(`${repository}:1`);
    const first = await sign(`${repository}:1`);
    const second = await sign(`${repository}@${digest}`);
    expect(second.signature).toEqual({ ...first.signature, added: false });
    const third = await sign(`${repository}@${digest}`, "--key", "other.key");
    expect(third.signature).toMatchObject({ added: true });
    await succeeding(verify(`${repository}:1`));
    await succeeding(verify(`${repository}:1`, "other.pub"));
  },
);

test("sign: a signature of cosign's by the same key counts, and one with annotations is another statement", async (context) => {
  const { dir, push, cosign, call } = desk(requireProgram(context, "cosign"));
  const repository = `${await startRealRegistry("registry", context)}/tools/tool`;
  const env = { COSIGN_PASSWORD: "secret" };
  const cosignSign = async (reference: string, ...args: readonly string[]): Promise<void> => {
    const quiet = ["-y", "--key", "cosign.key", "--use-signing-config=false", "--tlog-upload=false"];
    await succeeding(run(requireProgram(context, "cosign"), ["sign", ...quiet, ...args, reference], { cwd: dir, env }));
  };
  const added = async (reference: string): Promise<boolean> => {
    const ran = await succeeding(call(["sign", reference, "--key", "cosign.key", "--json"], { env }));
    return JSON.parse(ran.stdout).signature.added;
  };
  const one = `${repository}@${await push(`${repository}:1`)}`;
  await cosignSign(one);
  expect(await added(one)).toBe(false);
  const two = `${repository}@${await push(`${repository}:2`, "tool", "--title", "two")}`;
  await cosignSign(two, "-a", "build=1");
  expect(await added(two)).toBe(true);
  await succeeding(cosign("verify", "--key", "plain.pub", "--insecure-ignore-tlog=true", two));
});

test("sign: the bundle and its manifest have cosign's fields", async () => {
  const { push, sign } = desk();
  const registry = await inProcessRegistry();
  const digest = await push(`${registry.host}/t/tool:1`);
  const { signature } = await sign(`${registry.host}/t/tool@${digest}`);
  const { manifests, blobs } = registry.storage.open("t/tool");
  const manifest = JSON.parse(String(manifests.get(signature.digest)?.bytes));
  expect(manifest).toMatchObject({
    artifactType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    subject: { digest, mediaType: "application/vnd.oci.image.manifest.v1+json" },
    config: { mediaType: "application/vnd.oci.empty.v1+json", size: 2 },
    layers: [{ mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json" }],
    annotations: {
      "dev.sigstore.bundle.content": "dsse-envelope",
      "dev.sigstore.bundle.predicateType": "https://sigstore.dev/cosign/sign/v1",
      "org.opencontainers.image.created": expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    },
  });
  const bundle = JSON.parse(String(blobs.get(manifest.layers[0].digest)));
  expect(bundle).toEqual({
    mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
    verificationMaterial: { publicKey: { hint: signature.key.hint } },
    dsseEnvelope: {
      payload: expect.any(String),
      payloadType: "application/vnd.in-toto+json",
      signatures: [{ sig: expect.any(String) }],
    },
  });
});

test("sign: a layout folder keeps the signature, and copy takes it along", async (context) => {
  const { push, sign, call, verify } = desk(requireProgram(context, "cosign"));
  const digest = await push("oci:layout:1");
  await sign(`oci:layout@${digest}`);
  expect((await sign(`oci:layout@${digest}`)).signature.added).toBe(false);
  const repository = `${await startRealRegistry("docker-registry", context)}/tools/tool`;
  await succeeding(call(["copy", "oci:layout:1", `${repository}:1`]));
  await succeeding(verify(`${repository}:1`));
});

test("sign: our own check takes the signature, names the same key, and takes no other", async () => {
  const { push, sign, call } = desk();
  const registry = await inProcessRegistry();
  const reference = `${registry.host}/t/tool@${await push(`${registry.host}/t/tool:1`)}`;
  const { signature } = await sign(reference);
  const { stdout } = await succeeding(call(["verify", "--signature", reference, "--key", "plain.pub"]));
  expect(stdout).toContain(`key ${signature.key.fingerprint}`);
  const refused = await call(["verify", "--signature", reference, "--key", "other.pub"]);
  expect(refused.exitCode).toBe(65);
});

test("sign: says the digest, the signature and the key; a tag is warned about", async () => {
  const { push, call } = desk();
  const registry = await inProcessRegistry();
  const digest = await push(`${registry.host}/t/tool:1`);
  const ran = await succeeding(call(["sign", `${registry.host}/t/tool:1`, "--key", "plain.key"]));
  expect(ran.stdout).toBe(`Signed: ${registry.host}/t/tool@${digest}\n`);
  expect(ran.stderr).toMatch(/^warning: .*\/t\/tool:1 was resolved just now, and a tag can move: sign the digest/);
  expect(ran.stderr).toMatch(/^Signature: sha256:[0-9a-f]{64}\nKey: ECDSA P-256, sha256:[0-9a-f]{64}$/m);
  const again = await succeeding(call(["sign", `${registry.host}/t/tool@${digest}`, "--key", "plain.key"]));
  expect(again.stdout).toBe(`Signed before: ${registry.host}/t/tool@${digest}\n`);
  expect(again.stderr).not.toContain("warning");
});

test("sign: the password comes from COSIGN_PASSWORD or standard input, and is asked for at a terminal alone", async () => {
  const { push, call } = desk();
  const registry = await inProcessRegistry();
  const reference = `${registry.host}/t/tool@${await push(`${registry.host}/t/tool:1`)}`;
  const args = ["sign", reference, "--key", "cosign.key"];
  await succeeding(call(args, { env: { COSIGN_PASSWORD: "secret" } }));
  await succeeding(call([...args, "--key-password-stdin"], { input: "secret\n", env: { COSIGN_PASSWORD: "wrong" } }));
  await succeeding(call(["sign", reference, "--key", "env://KEY"], { env: { KEY: key.plain } }));
  const wrong = await call(args, { env: { COSIGN_PASSWORD: "wrong" } });
  expect(wrong.exitCode).toBe(78);
  expect(wrong.stderr).toContain("error[KEY_PASSWORD_WRONG]: the password does not open the key cosign.key");
  const nobody = await call(args);
  expect(nobody.exitCode).toBe(64);
  expect(nobody.stderr).toContain("hint: set COSIGN_PASSWORD, or pipe the password into --key-password-stdin");
});

test("sign: at a terminal the password is asked for and not shown", async (context) => {
  const script = requireProgram(context, "script");
  const { dir, push } = desk();
  const digest = await push("oci:layout:1");
  const command = `${orasWords()} sign oci:layout@${digest} --key cosign.key`;
  const onStart = ({ stdout, stdin }: ChildProcess): void => {
    stdout?.on("data", (text: string) => {
      if (text.includes("Password for cosign.key: ")) stdin?.write("secret\n");
    });
  };
  const env = { TERM: "xterm" };
  const ran = await run(script, ["-qec", command, "/dev/null"], { cwd: dir, env, input: undefined, onStart });
  expect(ran.exitCode, ran.stdout).toBe(0);
  expect(ran.stdout).toContain(`Signed: oci:layout@${digest}`);
  expect(ran.stdout).not.toContain("secret");
});

test("sign: what is missing or refused is an error of its own, and leaves no signature", async () => {
  const { push, call } = desk();
  const registry = await inProcessRegistry((request, next) =>
    request.method === "PUT" && request.url.pathname.startsWith("/v2/closed/")
      ? reply(403, {}, Buffer.from('{"errors":[{"code":"DENIED","message":"no"}]}'))
      : next(),
  );
  await push(`${registry.host}/t/tool:1`);
  const failing = async (reference: string, exitCode: number, text: string | RegExp): Promise<void> => {
    const ran = await call(["sign", reference, "--key", "plain.key"]);
    expect(ran.stderr).toMatch(text);
    expect(ran.exitCode).toBe(exitCode);
  };
  for (const [name, stored] of Object.entries(registry.storage.open("t/tool"))) {
    for (const [digest, value] of stored) Reflect.get(registry.storage.open("closed/tool"), name).set(digest, value);
  }
  await failing(`${registry.host}/closed/tool:1`, 77, /REGISTRY_FORBIDDEN/);
  await failing(`${registry.host}/t/tool:2`, 66, /ARTIFACT_NOT_FOUND/);
  await failing(`${registry.host}/t/tool@${none}`, 66, /ARTIFACT_NOT_FOUND/);
  await failing("tool:1", 64, /REGISTRY_NOT_NAMED/);
  await failing("oci:nowhere:1", 66, /not found/);
  const missing = await call(["sign", `${registry.host}/t/tool:1`]);
  expect(missing.exitCode).toBe(64);
  expect(missing.stderr).toContain("--key");
  const offline = await call(["sign", `${registry.host}/t/tool:1`, "--key", "plain.key", "--offline"]);
  expect(offline.exitCode).toBe(69);
  expect([...registry.storage.open("t/tool").manifests.values()]).toHaveLength(1);
});

test("sign: no output shows the key or the password", async () => {
  const { dir, push, call } = desk();
  const registry = await inProcessRegistry();
  const reference = `${registry.host}/t/tool@${await push(`${registry.host}/t/tool:1`)}`;
  const body = key.plain.split("\n").slice(1, -2).join("");
  const secrets = [body.slice(0, 40), body.slice(-40), "s3cretpassw0rd"];
  writeFileSync(join(dir, "damaged.key"), key.plain.replace(/\n/, "\nAAAA"));
  writeFileSync(join(dir, "swapped.key"), encryptedPem(key, "s3cretpassw0rd").replace("SIGSTORE", "OTHER"));
  const log = join(dir, "audit.log");
  const seen: string[] = [];
  for (const name of ["plain.key", "cosign.key", "damaged.key", "swapped.key", "env://KEY", key.plain]) {
    for (const extra of [["--verbose"], ["--json"]]) {
      const env = { COSIGN_PASSWORD: "s3cretpassw0rd", KEY: key.plain.slice(0, -40) };
      const ran = await call(["sign", reference, "--key", name, "--audit-log", log, ...extra], { env });
      seen.push(ran.stdout, ran.stderr);
    }
  }
  expect(seen.join("")).toContain("the text of a key stands in the place of its name");
  seen.push(readFileSync(log, "utf8"), ...registry.seen.map(({ path }) => path));
  for (const secret of secrets) expect(seen.join("\n")).not.toContain(secret);
});
