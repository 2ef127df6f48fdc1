/** Policies in front of `lock add`, `lock update` and `lock check --policy`, as a person meets them. */
import { createPublicKey, generateKeyPairSync } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { defaultIssuer, defaultSubject, keyless } from "../support/keyless.ts";
import { policyDesk as desk } from "../support/policy-desk.ts";
import { keyBundle } from "../support/signed-repository.ts";

const key = { key: "cosign.pub" };

describe("lock add", () => {
  test("policy: a tool without the demanded signature is refused by name, and nothing is written", async () => {
    const { add, policies, prefix, dir, lock, sign, artifact, locked, newKey, asked } = await desk();
    policies([{ prefix, signers: [key] }]);
    const none = await add();
    expect(none.exitCode).toBe(65);
    expect(none.stderr).toContain("error[SIGNATURE_MISSING]: tool: ");
    expect(none.stderr).toContain(
      `is not signed as the policy for ${prefix} in ${join(dir, "buck2-oras.json")} demands: no signature found`,
    );
    expect(none.stderr).toContain(`verify --signature ${prefix}/tool@${artifact.digest}`);
    expect(none.stderr).toContain(`\`buck2-oras sign ${prefix}/tool@${artifact.digest} --key FILE\``);
    expect(existsSync(lock)).toBe(false);
    // What is refused is not downloaded.
    expect(asked("/blobs/")).toBe(0);
    sign(artifact, newKey("other"));
    const other = await add();
    expect([other.exitCode, other.stderr]).toEqual([65, expect.stringContaining("[SIGNATURE_REFUSED]")]);
    expect(other.stderr).toContain("none of its signatures counts (signed with another key)");
    sign(artifact);
    const good = await add();
    expect(good.exitCode, good.stderr).toBe(0);
    expect(locked()?.signatures).toEqual([{ digest: artifact.digest, key: expect.stringMatching(/^sha256:/) }]);
    const text = readFileSync(lock, "utf8");
    expect((await add()).exitCode).toBe(0);
    expect(readFileSync(lock, "utf8")).toBe(text);
  });

  test("policy: without one, nobody is asked about signatures", async () => {
    const { add, policies, host, asked, locked } = await desk();
    policies([{ prefix: `${host}/other`, signers: [key] }]);
    expect((await add()).exitCode).toBe(0);
    expect([asked("/referrers/"), asked(".sig"), locked()?.signatures]).toEqual([0, 0, undefined]);
  });

  test("policy: `warn` warns once for a tool, and records what counts", async () => {
    const { add, policies, prefix, sign, artifact, locked } = await desk();
    policies([{ prefix, signers: [key], action: "warn" }]);
    const warned = await add();
    expect(warned.exitCode).toBe(0);
    expect(warned.stderr.match(/is not signed as the policy/g)).toHaveLength(1);
    expect(locked()?.signatures).toBeUndefined();
    sign(artifact);
    expect((await add()).stderr).not.toContain("is not signed");
    expect(locked()?.signatures).toHaveLength(1);
  });

  test("policy: a project weakens nothing that the user demands, and adds its own", async () => {
    const { add, policies, prefix, host, sign, artifact, attach, newKey, locked } = await desk();
    const own = newKey("own");
    policies([{ prefix, signers: [{ key: join("..", "..", "..", "own.pub") }] }], "user");
    sign(artifact);
    for (const [at, action] of [
      [prefix, "warn"],
      [`${prefix}/tool`, "warn"],
      [`${prefix}/tool`, "require"],
      [host, "warn"],
      ["*", "require"],
    ]) {
      policies([{ prefix: at, action, signers: [key] }]);
      const refused = await add();
      expect([refused.exitCode, refused.stderr], `${at} ${action}`).toEqual([
        65,
        expect.stringMatching(/config\.json/),
      ]);
    }
    // Both must have signed.
    attach(keyBundle(artifact.digest, own));
    expect((await add()).exitCode).toBe(0);
    expect(locked()?.signatures).toHaveLength(2);
    sign(artifact, own);
    const half = await add();
    expect([half.exitCode, half.stderr]).toEqual([65, expect.stringMatching(/policy for \* in .*buck2-oras\.json/)]);
  });

  test("policy: a project's name for the registry is the registry", async () => {
    const { inProject, policies, prefix, host, dir } = await desk();
    policies([{ prefix, signers: [{ key: join(dir, "cosign.pub") }] }], "user");
    const registries = { mine: { prefix: `${host}/t`, mirrors: ["mirror.example/t"] } };
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries, defaultRegistry: host }));
    for (const reference of ["mine/tool:1", "t/tool:1", `${host}/t/tool:1`]) {
      const ran = await inProject(["lock", "add", "tool", reference]);
      expect([ran.exitCode, ran.stderr], reference).toEqual([65, expect.stringContaining("SIGNATURE_MISSING")]);
    }
  });

  test.each([
    [
      "a key that is missing",
      { signers: [{ key: "none.pub" }] },
      /CONFIG_INVALID.*cannot be applied[\s\S]*not found[\s\S]*hint: restore the public key \S+none\.pub; or correct/,
    ],
    [
      "a key in UTF-16",
      { signers: [{ key: "utf16.pub" }] },
      /KEY_INVALID.*cannot be applied[\s\S]*utf16\.pub is text in UTF-16[\s\S]*hint: write the file as UTF-8/,
    ],
    [
      "a trust root that is missing",
      { signers: [key], trustRoot: "none.json" },
      /CONFIG_INVALID.*cannot be applied[\s\S]*not found[\s\S]*`buck2-oras trust-root -o \S+none\.json`/,
    ],
    [
      "a key that is a device",
      { signers: [{ key: "/dev/zero" }] },
      /CONFIG_INVALID.*cannot be applied[\s\S]*\/dev\/zero/,
    ],
    ["a key that is no key", { signers: [{ key: ".buckconfig" }] }, /KEY_INVALID.*cannot be applied/],
    ["a private key", { signers: [{ key: "private.pem" }] }, /KEY_INVALID[\s\S]*is a private key/],
    [
      "a trust root that is none",
      { signers: [key], trustRoot: ".buckconfig" },
      /TRUST_ROOT_INVALID.*cannot be applied/,
    ],
    ["a policy that names nothing", {}, /CONFIG_INVALID.*buck2-oras\.json:1: `policies\.0` must have a demand/],
  ])("policy: %s is an error, and no missing policy", async (_what, policy, message) => {
    const { add, policies, prefix, dir, lock, sign, artifact } = await desk();
    const { privateKey } = generateKeyPairSync("ec", { namedCurve: "P-256" });
    writeFileSync(join(dir, "private.pem"), privateKey.export({ format: "pem", type: "pkcs8" }));
    writeFileSync(join(dir, "utf16.pub"), Buffer.from(readFileSync(join(dir, "cosign.pub"), "utf8"), "utf16le"));
    policies([{ prefix, ...policy }]);
    sign(artifact);
    const ran = await add();
    expect([ran.exitCode, ran.stderr]).toEqual([78, expect.stringMatching(message)]);
    // The system's own words would say a second time what the first cause says.
    expect(ran.stderr).not.toContain("ENOENT");
    expect(existsSync(lock)).toBe(false);
  });

  test("policy: a keyless identity by its pattern, with the time that a log vouches for", async () => {
    const { add, policies, prefix, dir, artifact, attach, locked, referrers } = await desk();
    const world = keyless();
    writeFileSync(join(dir, "root.json"), world.root);
    const identity = { identity: "https://forge.example/acme/**", issuer: defaultIssuer };
    policies([{ prefix, signers: [key, identity], trustRoot: "root.json" }]);
    attach(world.sign(artifact.digest, { subject: "https://forge.example/evil/tool@refs/tags/v1" }));
    const other = await add();
    expect([other.exitCode, other.stderr]).toEqual([
      65,
      expect.stringMatching(/signed by somebody else than demanded/),
    ]);
    // A later signature of the same signer changes nothing.
    attach(world.sign(artifact.digest, { loggedAt: new Date("2026-03-01T12:05:00Z") }));
    attach(world.sign(artifact.digest));
    expect((await add()).exitCode).toBe(0);
    expect(locked()?.signatures).toEqual([
      { digest: artifact.digest, identity: defaultSubject, issuer: defaultIssuer, time: "2026-03-01T12:01:00.000Z" },
    ]);
    referrers.length = 0;
    attach(world.sign(artifact.digest, { loggedAt: new Date("2026-03-01T13:00:00Z") }));
    expect((await add()).exitCode).toBe(65);
    // Another root, as one that is too old for the log's keys.
    attach(world.sign(artifact.digest));
    writeFileSync(join(dir, "root.json"), keyless().root);
    expect((await add()).exitCode).toBe(65);
  });

  test("policy: an index counts as a whole, or else by each locked platform's manifest", async () => {
    const { add, policies, prefix, manifest, blob, documents, referrers, attach, locked } = await desk();
    const platform = (architecture: string) => ({
      ...manifest({ layers: [{ ...blob(`#!/bin/sh\n# ${architecture}\n`, "application/x-tool"), annotations: {} }] }),
      platform: { os: "linux", architecture },
    });
    const [one, other] = [platform("amd64"), platform("arm64")];
    const body = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [one, other] });
    documents.set("1", { type: mediaTypes.ociIndex, body });
    policies([{ prefix, signers: [key] }]);
    // A registry that lists every signature for everything; `subject` decides.
    attach(keyBundle(one.digest), {}, { subject: one });
    const half = await add();
    expect([half.exitCode, half.stderr]).toEqual([65, expect.stringContaining(`${prefix}/tool@${other.digest}`)]);
    expect((await add("--platform", "linux-x86_64")).exitCode).toBe(0);
    attach(keyBundle(other.digest), {}, { subject: other });
    expect((await add()).exitCode).toBe(0);
    expect(locked()?.signatures?.map(({ digest }) => digest)).toEqual([one.digest, other.digest].sort());
    expect(referrers).toHaveLength(2);
  });
});

describe("signers of before", () => {
  test("policy: another key than the recorded one is an error until it is named", async () => {
    const { add, update, policies, prefix, replace, sign, artifact, newKey, locked, lock } = await desk();
    const other = newKey("other");
    policies([{ prefix, signers: [key, { key: "other.pub" }] }]);
    sign(artifact);
    expect((await add()).exitCode).toBe(0);
    const before = readFileSync(lock, "utf8");
    const next = replace("#!/bin/sh\necho 2\n");
    sign(next, other);
    for (const call of [() => update(), () => add(), () => update("--accept-signer", "none")]) {
      const refused = await call();
      expect([refused.exitCode, refused.stderr]).toEqual([
        65,
        expect.stringContaining("error[SIGNER_CHANGED]: tool: "),
      ]);
      expect(refused.stderr).toMatch(/add --accept-signer sha256:[0-9a-f]{64} to accept the change\n/);
      expect(readFileSync(lock, "utf8")).toBe(before);
    }
    const [, name = ""] = /--accept-signer (sha256:[0-9a-f]{64})/.exec((await update()).stderr) ?? [];
    expect((await update("--accept-signer", name)).exitCode).toBe(0);
    expect(locked()?.signatures).toEqual([{ digest: next.digest, key: name }]);
    expect((await update()).exitCode).toBe(0);
  });

  test("policy: signers are not lost with the policy, nor with `warn`", async () => {
    const { add, update, policies, prefix, replace, sign, artifact, locked, inProject } = await desk();
    policies([{ prefix, signers: [key] }]);
    sign(artifact);
    expect((await add()).exitCode).toBe(0);
    replace("#!/bin/sh\necho 3\n");
    for (const weaker of [[], [{ prefix, action: "warn", signers: [key] }]]) {
      policies(weaker);
      const refused = await update();
      expect([refused.exitCode, refused.stderr]).toEqual([
        65,
        expect.stringMatching(/SIGNER_CHANGED[\s\S]*signer none /),
      ]);
    }
    policies([]);
    const checked = await inProject(["lock", "check", "--policy", "--json"]);
    expect([checked.exitCode, JSON.parse(checked.stdout).faults]).toEqual([
      65,
      [expect.objectContaining({ tool: "tool", code: "SIGNER_CHANGED", file: null })],
    ]);
    expect((await update("--accept-signer", digestOf("another key"))).exitCode).toBe(65);
    expect((await update("--accept-signer", "none")).exitCode).toBe(0);
    expect(locked()?.signatures).toBeUndefined();
    expect((await inProject(["lock", "check", "--policy"])).exitCode).toBe(0);
  });

  test("policy: the next release of one workflow is the same signer, and another workflow is not", async () => {
    const { add, update, policies, prefix, dir, artifact, attach, referrers, replace } = await desk();
    const world = keyless();
    writeFileSync(join(dir, "root.json"), world.root);
    const identity = { identity: "https://forge.example/**", issuer: defaultIssuer };
    policies([{ prefix, signers: [identity], trustRoot: "root.json" }]);
    attach(world.sign(artifact.digest));
    expect((await add()).exitCode).toBe(0);
    const release = (of: typeof artifact, subject: string) => {
      referrers.length = 0;
      attach(world.sign(of.digest, { subject }), {}, { subject: of });
    };
    release(replace("#!/bin/sh\n2\n"), defaultSubject.replace("v1", "v2"));
    const same = await update();
    expect(same.exitCode, same.stderr).toBe(0);
    const next = replace("#!/bin/sh\n3\n");
    release(next, "https://forge.example/$(x).yml@refs/tags/v1");
    const refused = await update();
    expect([refused.exitCode, refused.stderr]).toEqual([
      65,
      expect.stringMatching(
        /now https:\/\/forge\.example\/\$\(x\)\.yml@\S+ .* did\n.*add --accept-signer SIGNER to accept/,
      ),
    ]);
    expect((await update("--accept-signer", "https://forge.example/$(x).yml")).exitCode).toBe(0);
  });

  test("policy: `lock update` names all refused tools, and writes none", async () => {
    const { add, update, policies, prefix, sign, artifact, inProject, reference, lock } = await desk();
    sign(artifact);
    expect((await add()).exitCode).toBe(0);
    for (const name of ["b", "a"]) expect((await inProject(["lock", "add", name, reference])).exitCode).toBe(0);
    const before = readFileSync(lock, "utf8");
    policies([{ prefix, signers: [key] }]);
    sign(artifact, generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey);
    const refused = await update();
    expect([refused.exitCode, refused.stderr]).toEqual([65, expect.stringContaining("a, b, tool: refused")]);
    expect(readFileSync(lock, "utf8")).toBe(before);
    sign(artifact);
    expect((await update()).exitCode).toBe(0);
    expect(readFileSync(lock, "utf8").match(/"signatures"/g)).toHaveLength(3);
  });

  test("policy: a text that can name no signer is a usage error", async () => {
    const { add } = await desk();
    const ran = await add("--accept-signer", "cosign.pub");
    expect([ran.exitCode, ran.stderr]).toEqual([64, expect.stringContaining("names no signer")]);
  });
});

describe("lock check --policy", () => {
  test("policy: records count offline, and the signatures themselves online", async () => {
    const { add, policies, prefix, sign, artifact, inProject, lock, newKey, asked, referrers, dir } = await desk();
    const check = async (...more: string[]) => {
      const ran = await inProject(["lock", "check", "--policy", "--json", ...more]);
      return { exitCode: ran.exitCode, ...JSON.parse(ran.stdout) };
    };
    const other = newKey("other");
    expect((await add()).exitCode).toBe(0);
    policies([{ prefix, signers: [key] }]);
    const unsigned = await check();
    expect([unsigned.exitCode, unsigned.verified, unsigned.faults]).toMatchObject([
      65,
      false,
      [{ tool: "tool", code: "SIGNATURE_MISSING", prefix, reason: "the lock records no signature" }],
    ]);
    const shown = await inProject(["lock", "check", "--policy"]);
    expect([shown.exitCode, shown.stdout]).toEqual([
      65,
      expect.stringMatching(/does not fulfil the policies, as recorded/),
    ]);
    sign(artifact);
    expect((await add()).exitCode).toBe(0);
    const before = asked("/");
    expect((await check()).exitCode).toBe(0);
    expect(asked("/")).toBe(before);
    expect((await check("--online")).exitCode).toBe(0);
    // Somebody removes the signature: records alone cannot know.
    referrers.length = 0;
    expect((await check()).exitCode).toBe(0);
    expect((await check("--online")).faults).toMatchObject([{ code: "SIGNATURE_MISSING" }]);
    // Somebody writes a record.
    sign(artifact, other);
    policies([{ prefix, signers: [{ key: "other.pub" }] }]);
    rmSync(lock);
    expect((await add()).exitCode).toBe(0);
    policies([{ prefix, signers: [{ key: "other.pub" }, key] }]);
    const [record] = parseLock(readFileSync(lock, "utf8"), "lock").tools.tool?.signatures ?? [];
    expect(record).toBeDefined();
    const json = JSON.parse(readFileSync(lock, "utf8"));
    json.tools.tool.signatures[0].key = unsignedKey(dir);
    writeFileSync(lock, `${JSON.stringify(json, null, 2)}\n`);
    expect((await check()).exitCode).toBe(0);
    const invented = await check("--online");
    expect([invented.exitCode, invented.faults[0].reason]).toEqual([
      65,
      expect.stringMatching(/^the lock records a signature of sha256:/),
    ]);
  });
});

/** Fingerprint of the key that signs nothing here. */
function unsignedKey(dir: string): string {
  const der = createPublicKey(readFileSync(join(dir, "cosign.pub"), "utf8")).export({ format: "der", type: "spki" });
  return digestOf(der);
}
