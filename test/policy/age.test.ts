/** Ages by the times of signatures: what logs saw, beside what the registry says. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { defaultIssuer, keyless } from "../support/keyless.ts";
import { daysAgo } from "../support/registry/aged.ts";
import { keyBundle, signedRepository } from "../support/signed-repository.ts";

/** A repository whose tool must be signed by an identity, and be a week old. */
async function desk(minAgeDays = 7) {
  const repository = await signedRepository();
  const { host, dir, inProject, lock, reference, artifact, attach, policies } = repository;
  const world = keyless();
  writeFileSync(join(dir, "root.json"), world.root);
  const signers = [{ identity: "https://forge.example/acme/**", issuer: defaultIssuer }];
  policies([{ prefix: host, signers, trustRoot: "root.json", minAgeDays }]);
  type Subject = typeof artifact;
  const sign = (days: number, of: Subject = artifact, subject?: string) =>
    attach(
      world.sign(of.digest, { at: daysAgo(days), ...(subject === undefined ? {} : { subject }) }),
      {},
      { subject: of },
    );
  const replace = (text: string): Subject => {
    const layer = { ...repository.blob(text, "application/octet-stream"), annotations: {} };
    const next = repository.manifest({ artifactType: "application/x-tool", layers: [layer] });
    repository.tag("1", next);
    return next;
  };
  return {
    ...repository,
    signers,
    sign,
    replace,
    add: (...more: string[]) => inProject(["lock", "add", "tool", reference, ...more]),
    update: (...more: string[]) => inProject(["lock", "update", "--json", ...more]),
    published: () => parseLock(readFileSync(lock, "utf8"), "lock").tools.tool?.published,
  };
}

/** Days between a time and now. */
function days(time: string | undefined): number {
  return Math.round((Date.now() - Date.parse(time ?? "")) / 86_400_000);
}

test("age: the time that a log saw counts where the registry says none", async () => {
  const { add, sign, published } = await desk();
  sign(10);
  const added = await add();
  expect(added.exitCode, added.stderr).toBe(0);
  expect([published()?.by, days(published()?.time)]).toEqual(["signature", 10]);
});

test("age: a version that was signed lately is refused, and left by an update", async () => {
  const { add, update, sign, replace } = await desk();
  sign(2);
  const refused = await add();
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr).toMatch(/VERSION_AGE_REFUSED[\s\S]*is 47 hours old \(.*says a witness of its signature\)/);
  sign(10);
  expect((await add()).exitCode).toBe(0);
  sign(1, replace("#!/bin/sh\n2\n"));
  const updated = await update();
  expect(updated.exitCode, updated.stderr).toBe(0);
  expect(JSON.parse(updated.stdout).tools).toMatchObject([{ change: "left" }]);
});

test.each<[string, number, number, "registry" | "signature"]>([
  ["the registry's", 20, 10, "registry"],
  ["the log's", 10, 20, "signature"],
])("age: where both times are known, the later one counts: %s", async (_what, signed, got, by) => {
  const { add, sign, published, told } = await desk();
  sign(signed);
  told.published = daysAgo(got);
  expect((await add()).exitCode).toBe(0);
  expect([published()?.by, days(published()?.time)]).toEqual([by, 10]);
  told.published = daysAgo(2);
  const again = await add();
  expect([again.exitCode, days(published()?.time)]).toEqual([0, 10]);
});

test("age: a registry's old time helps no version that was signed lately, and the other way round", async () => {
  const { add, sign, told } = await desk();
  sign(2);
  told.published = daysAgo(300);
  expect((await add()).stderr).toContain("says a witness of its signature");
  sign(300);
  told.published = daysAgo(2);
  expect((await add()).stderr).toContain("says the registry");
});

test("age: a later signature makes nothing younger, and changes no entry", async () => {
  const { add, update, sign, lock } = await desk();
  sign(10);
  expect((await add()).exitCode).toBe(0);
  const before = readFileSync(lock, "utf8");
  sign(1);
  expect((await update()).exitCode).toBe(0);
  expect(readFileSync(lock, "utf8")).toBe(before);
  expect((await add()).exitCode).toBe(0);
  expect(readFileSync(lock, "utf8")).toBe(before);
});

test("age: of several demanded signers, the one who signed first decides", async () => {
  const { add, sign, published } = await desk();
  sign(1, undefined, "https://forge.example/acme/tool@refs/tags/v1");
  sign(10, undefined, "https://forge.example/acme/audit@refs/tags/v1");
  sign(5, undefined, "https://forge.example/acme/mirror@refs/tags/v1");
  expect((await add()).exitCode).toBe(0);
  expect(days(published()?.time)).toBe(10);
});

test("age: an old signature of somebody who is not demanded vouches for nothing", async () => {
  const { add, sign } = await desk();
  sign(300, undefined, "https://forge.example/evil/tool@refs/tags/v1");
  sign(2);
  expect((await add()).stderr).toContain("is 47 hours old");
});

test("age: an old signature of other bytes vouches for nothing", async () => {
  const { add, sign, replace, artifact } = await desk();
  sign(300, artifact);
  const next = replace("#!/bin/sh\n2\n");
  sign(2, next);
  expect((await add()).stderr).toContain("is 47 hours old");
});

test("age: a key's signature without a witness has no time", async () => {
  const { add, attach, artifact, policies, host } = await desk();
  policies([{ prefix: host, signers: [{ key: "cosign.pub" }], minAgeDays: 7 }]);
  attach(keyBundle(artifact.digest));
  const refused = await add();
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr).toContain("has no age: nothing trusted vouches for a time");
});

test("age: an index that is not signed itself is as young as the last of its platforms' signatures", async () => {
  const { add, sign, manifest, blob, documents, published } = await desk();
  const platform = (architecture: string) => ({
    ...manifest({ layers: [{ ...blob(`#!/bin/sh\n# ${architecture}\n`, "application/x-tool"), annotations: {} }] }),
    platform: { os: "linux", architecture },
  });
  const [one, other] = [platform("amd64"), platform("arm64")];
  const body = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [one, other] });
  documents.set("1", { type: mediaTypes.ociIndex, body });

  documents.set(digestOf(body), { type: mediaTypes.ociIndex, body });
  sign(30, one);
  sign(10, other);
  const added = await add();
  expect(added.exitCode, added.stderr).toBe(0);
  expect([published()?.by, days(published()?.time)]).toEqual(["signature", 10]);
});

test("age: a layout folder, offline, by the time of its signatures", async () => {
  const { sign, inProject, reference, policies, signers, published } = await desk();
  sign(10);
  const copied = await inProject(["copy", reference, "oci:layout:1"]);
  expect(copied.exitCode, copied.stderr).toBe(0);
  policies([{ prefix: "*", signers, trustRoot: "root.json", minAgeDays: 7 }]);
  const added = await inProject(["lock", "add", "tool", "oci:layout:1", "--offline"]);
  expect(added.exitCode, added.stderr).toBe(0);
  expect(published()?.by).toBe("signature");
  const refused = await inProject(["lock", "add", "tool2", "oci:layout:1", "--offline", "--min-age", "2w"]);
  expect(refused.exitCode).toBe(65);
});

test("age: `lock check --policy --online` believes no recorded time of a signature", async () => {
  const { add, sign, inProject, lock, policies, host, signers } = await desk(1);
  sign(3);
  expect((await add()).exitCode).toBe(0);
  policies([{ prefix: host, signers, trustRoot: "root.json", minAgeDays: 7 }]);
  const check = (...more: string[]) => inProject(["lock", "check", "--policy", ...more]);
  expect((await check()).exitCode).toBe(65);
  const text = readFileSync(lock, "utf8");
  const forged = text.replaceAll(/"time": "[0-9]{4}-/g, '"time": "2020-');
  expect(forged).not.toBe(text);
  writeFileSync(lock, forged);
  expect((await check()).exitCode).toBe(0);
  const online = await check("--online");
  expect(online.exitCode, online.stderr).toBe(65);
  expect(online.stdout).toMatch(/is 2 days old|is 71 hours old/);
});

test("age: a time of the future, which a log with a wrong clock saw, is no age", async () => {
  const { add, sign } = await desk();
  sign(-5);
  const refused = await add();
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr).toMatch(/is of the future \(.*: a clock is wrong/);
});
