/** `push --sign-key` and `import --sign-key`: the tag never means an artifact without its signature. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { reply } from "../support/registry/in-process/exchange.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { type Ran, run } from "../support/run.ts";
import { ecKey } from "../support/signing-keys.ts";
import { succeeding } from "../support/succeeding.ts";

const key = ecKey();

function desk() {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  // Distribution 2 can refuse a manifest that is sent twice at the same time.
  writeFileSync(join(dir, "other"), "#!/bin/sh\nother\n");
  writeFileSync(join(dir, "key"), key.plain, { mode: 0o600 });
  writeFileSync(join(dir, "pub"), key.publicPem);
  const call = (...args: readonly string[]): Promise<Ran> => oras(args, { cwd: dir, isDetached: true });
  return { dir, call };
}

const platforms = ["--platform", "linux-x86_64=tool", "--platform", "darwin-arm64=other"];

test.for(realRegistries)("push --sign-key on %s: cosign verifies the tag", async (name, context) => {
  const cosign = requireProgram(context, "cosign");
  const { dir, call } = desk();
  const host = await startRealRegistry(name, context);
  const pushes = [
    ["push", `${host}/t/file:1`, "tool"],
    ["push", `${host}/t/index:1`, ...platforms],
    ["import", "file:tool", `${host}/t/imported:1`],
  ];
  for (const words of pushes) {
    const ran = await succeeding(call(...words, "--sign-key", "key", "--json"));
    const { reference, digest, signature } = JSON.parse(ran.stdout);
    expect(signature).toMatchObject({ added: true, key: { algorithm: "ECDSA P-256" } });
    const args = ["verify", "--key", "pub", "--insecure-ignore-tlog=true", reference];
    const { stdout } = await succeeding(run(cosign, args, { cwd: dir }));
    expect(JSON.parse(stdout)[0].critical.image["docker-manifest-digest"]).toBe(digest);
    const again = await succeeding(call(...words, "--sign-key", "key", "--json"));
    expect(JSON.parse(again.stdout).signature).toEqual({ ...signature, added: false });
  }
});

test.for([["tool"], platforms])("push --sign-key: the manifest, its signature, then the tag: %s", async (paths) => {
  const { call } = desk();
  const registry = await inProcessRegistry();
  const ran = await succeeding(call("push", `${registry.host}/t/tool:1`, ...paths, "--sign-key", "key"));
  expect(ran.stderr).toMatch(/^Signature: sha256:[0-9a-f]{64}\nKey: ECDSA P-256, /m);
  const digest = /^Digest: (sha256:[0-9a-f]{64})$/m.exec(ran.stderr)?.[1];
  const signature = /^Signature: (sha256:[0-9a-f]{64})$/m.exec(ran.stderr)?.[1];
  const puts = registry.seen.filter(({ method, path }) => method === "PUT" && path.includes("/manifests/"));
  const written = puts.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  expect(written.slice(-3)).toEqual([digest, signature, "1"]);
});

test("push --sign-key: a registry that refuses the signature keeps the tag as it was", async () => {
  const { dir, call } = desk();
  let refuses = false;
  const registry = await inProcessRegistry((request, next) => {
    const isSignature = request.method === "PUT" && request.body.includes("dev.sigstore.bundle");
    return refuses && isSignature ? reply(403, {}, Buffer.from("{}")) : next();
  });
  const reference = `${registry.host}/t/tool:1`;
  await succeeding(call("push", reference, "tool", "--sign-key", "key"));
  const before = registry.storage.open("t/tool").tags.get("1");
  refuses = true;
  writeFileSync(join(dir, "tool"), "another");
  const ran = await call("push", reference, "tool", "--sign-key", "key");
  expect(ran.exitCode).toBe(77);
  expect(registry.storage.open("t/tool").tags.get("1")).toBe(before);
  await succeeding(call("push", reference, "tool"));
  expect(registry.storage.open("t/tool").tags.get("1")).not.toBe(before);
});

test("push --sign-key: a key that cannot be used ends the push before any request", async () => {
  const { call } = desk();
  const registry = await inProcessRegistry();
  const reference = `${registry.host}/t/tool:1`;
  for (const [words, exitCode, text] of [
    [["--sign-key", "missing"], 66, "file not found: missing"],
    [["--sign-key", "pub"], 78, "the key pub is a public key"],
    [["--key-password-stdin"], 64, "--key-password-stdin needs --sign-key"],
  ] as const) {
    for (const start of [
      ["push", reference, "tool"],
      ["import", "file:tool", reference],
    ]) {
      const ran = await call(...start, ...words);
      expect(ran.stderr).toContain(text);
      expect(ran.exitCode).toBe(exitCode);
    }
  }
  expect(registry.seen).toEqual([]);
});
