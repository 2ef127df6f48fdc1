/** Ways around the policies: another folder, another owner of the file, and an index of manifests with several signers. */
import { generateKeyPairSync } from "node:crypto";
import {
  chownSync,
  existsSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { OrasClient } from "../../src/index.ts";
import { parseLock } from "../../src/lockfile/file.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { makePipe } from "../support/pipe.ts";
import { keyBundle, signedRepository } from "../support/signed-repository.ts";

const signers = [{ key: "cosign.pub" }];

test("the policies of the lock's project hold wherever the command or the program runs", async () => {
  const { dir, host, lock, reference, policies, attach, artifact } = await signedRepository();
  policies([{ prefix: host, signers }]);
  const file = join(dir, "buck2-oras.json");
  const cwd = temporaryFolder();
  const env = { HOME: join(dir, "home"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const there = (...args: string[]) => oras(["lock", ...args, "--lock", lock], { cwd, env });
  const program = new OrasClient({ cacheDir: join(dir, "cache") }).lock;
  const add = () => program.add("tool", reference, { file: lock });
  const refused = await there("add", "tool", reference);
  expect([refused.exitCode, refused.stderr]).toEqual([65, expect.stringContaining(`${host} in ${file} demands`)]);
  await expect(add()).rejects.toMatchObject({ code: "SIGNATURE_MISSING", tool: "tool" });
  expect(existsSync(lock)).toBe(false);
  // Locked before there was a policy.
  renameSync(file, join(dir, "later.json"));
  expect((await there("add", "tool", reference)).exitCode).toBe(0);
  renameSync(join(dir, "later.json"), file);
  for (const args of [["update"], ["check", "--policy"], ["check", "--policy", "--online"]]) {
    expect((await there(...args)).exitCode, args.join(" ")).toBe(65);
  }
  await expect(program.update([], { file: lock })).rejects.toMatchObject({ code: "SIGNATURE_MISSING" });
  const fault = { tool: "tool", code: "SIGNATURE_MISSING", action: "require", file, prefix: host };
  for (const online of [false, true]) {
    expect(await program.check({ file: lock, policy: true, online })).toMatchObject({
      tools: ["tool"],
      faults: [fault],
    });
  }
  expect(await program.check({ file: lock })).toMatchObject({ faults: undefined, uncovered: undefined });
  attach(keyBundle(artifact.digest));
  expect(await add()).toMatchObject({ tool: "tool" });
  expect((await there("check", "--policy", "--online")).exitCode).toBe(0);
  expect(await program.check({ file: lock, policy: true, online: true })).toMatchObject({ faults: [], uncovered: [] });
});

test("a project's file that is ignored for its owner is no missing policy", async (context) => {
  if (process.getuid?.() !== 0) context.skip("only root can give a file to others");
  const { dir, host, lock, reference, policies, inProject } = await signedRepository();
  policies([{ prefix: host, signers }]);
  const file = join(dir, "buck2-oras.json");
  chownSync(file, 12_345, 12_345);
  for (const args of [["add", "tool", reference], ["update"], ["update", "--dry-run"], ["check", "--policy"]]) {
    const refused = await inProject(["lock", ...args]);
    expect([refused.exitCode, refused.stderr], args.join(" ")).toEqual([
      78,
      expect.stringMatching(
        /error\[CONFIG_INVALID\]: the policies of .*buck2-oras\.json do not count: the file has policies/,
      ),
    ]);
    expect(existsSync(lock)).toBe(false);
  }
  // Everything of the checkout is the other user's, as in a container that runs as root.
  for (const path of [dir, join(dir, ".buckconfig")]) chownSync(path, 12_345, 12_345);
  mkdirSync(join(dir, "below"));
  chownSync(join(dir, "below"), 12_345, 12_345);
  const env = { HOME: join(dir, "home"), BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  for (const cwd of [dir, join(dir, "below")]) {
    const refused = await oras(["lock", "add", "tool", reference], { cwd, env });
    expect([refused.exitCode, refused.stderr], cwd).toEqual([78, expect.stringContaining("[CONFIG_INVALID]")]);
  }
  // Other commands pass over the file, and so does a lock in a folder of the user's own, below a stranger's file.
  expect((await inProject(["verify", "--signature", reference, "--key", "cosign.pub"])).exitCode).toBe(65);
  const own = join(dir, "own");
  mkdirSync(own);
  chownSync(dir, 0, 0);
  rmSync(join(dir, ".buckconfig"));
  const passed = await oras(["lock", "add", "tool", reference], { cwd: own, env });
  expect(passed.exitCode, passed.stderr).toBe(0);
  expect(passed.stderr).toContain("warning: ignored ");
});

test("an ignored project's file ends a command only where it may demand something of it, and root can trust its owner", async (context) => {
  if (process.getuid?.() !== 0) context.skip("only root can give a file to others");
  const { dir, host, reference, inProject, lock } = await signedRepository();
  const file = join(dir, "buck2-oras.json");
  writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
  const push = ["push", "oci:out:1", "tool"];
  const bring = ["import", "file:tool", "oci:out:1"];
  const add = ["lock", "add", "tool", reference];
  const all = [push, bring, add];
  const ofSource = { prefix: "*", source: "checksum" };
  const cases: readonly (readonly [unknown, readonly (readonly string[])[]])[] = [
    [{ policies: [ofSource] }, [push, bring]],
    [{ policies: [{ prefix: host, signers }] }, [add]],
    [{ policies: [{ prefix: host, maxAgeDays: 9 }, ofSource] }, all],
    [{ concurrency: 2 }, []],
    [{ policies: [] }, []],
    [{ policies: [{ prefix: host, minAgeDays: 0 }] }, []],
    [{ policies: [{ ...ofSource, action: "warn" }] }, []],
    // Of a newer version, or no configuration at all: what it demands is not known.
    [{ policies: [{ prefix: "*", newer: true }] }, all],
    ["root:secret-word:1", all],
  ];
  for (const [content, ended] of cases) {
    writeFileSync(file, JSON.stringify(content));
    chownSync(file, 12_345, 12_345);
    for (const args of all) {
      const { exitCode, stderr } = await inProject(args);
      const isEnded = ended.includes(args);
      expect(exitCode, `${JSON.stringify(content)} ${args.join(" ")}: ${stderr}`).toBe(isEnded ? 78 : 0);
      expect(stderr).toContain(isEnded ? "set SUDO_UID=12345" : "warning: ignored ");
      expect(stderr).not.toContain("secret-word");
    }
    rmSync(lock, { force: true });
  }
  // A pipe has no end, and a link of another user leads to a file that its owner could not read.
  for (const make of [() => makePipe(file), () => symlinkSync("/etc/shadow", file)]) {
    rmSync(file);
    make();
    lchownSync(file, 12_345, 12_345);
    for (const args of all) expect((await inProject(args)).exitCode, args.join(" ")).toBe(78);
  }
  rmSync(file);
  writeFileSync(file, JSON.stringify({ policies: [ofSource] }));
  chownSync(file, 12_345, 12_345);
  for (const args of [push, bring]) {
    const refused = await inProject(args, { SUDO_UID: "12345" });
    expect([refused.exitCode, refused.stderr]).toEqual([65, expect.stringContaining("SOURCE_REFUSED")]);
  }
});

test("a key that a policy still names signs no platform beside the recorded signer's: an index, or a template", async () => {
  const { dir, host, reference, policies, inProject, manifest, blob, documents, attach, tag, lock } =
    await signedRepository();
  const old = generateKeyPairSync("ec", { namedCurve: "P-256" });
  writeFileSync(join(dir, "old.pub"), old.publicKey.export({ format: "pem", type: "spki" }));
  policies([{ prefix: host, signers: [...signers, { key: "old.pub" }] }]);
  const platform = (architecture: string, text: string) => ({
    ...manifest({ layers: [{ ...blob(`#!/bin/sh\n# ${text}\n`, "application/x-tool"), annotations: {} }] }),
    platform: { os: "linux", architecture },
  });
  const [one, other, evil] = [platform("amd64", "1"), platform("arm64", "2"), platform("arm64", "evil")];
  const publish = (...manifests: (typeof one)[]): void => {
    documents.set("1", {
      type: mediaTypes.ociIndex,
      body: JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests }),
    });
    for (const of of manifests) tag(of.platform.architecture === "amd64" ? "linux-x86_64" : "linux-aarch64", of);
  };
  publish(one, other);
  for (const of of [one, other]) attach(keyBundle(of.digest), {}, { subject: of });
  attach(keyBundle(evil.digest, old.privateKey), {}, { subject: evil });
  const template = reference.replace(/:1$/, ":{platform}");
  const platforms = ["--platform", "linux-x86_64", "--platform", "linux-aarch64"];
  expect((await inProject(["lock", "add", "index", reference])).exitCode).toBe(0);
  expect((await inProject(["lock", "add", "template", template, ...platforms])).exitCode).toBe(0);
  const before = readFileSync(lock, "utf8");
  publish(one, evil);
  for (const name of ["index", "template"]) {
    const refused = await inProject(["lock", "update", name]);
    expect([refused.exitCode, refused.stderr], name).toEqual([
      65,
      expect.stringContaining(`error[SIGNER_CHANGED]: ${name}: `),
    ]);
    expect(readFileSync(lock, "utf8")).toBe(before);
    // Only the new signer is to be accepted.
    const [hint = "", ...more] = refused.stderr.match(/--accept-signer sha256:[0-9a-f]{64}/g) ?? [];
    expect(more).toEqual([]);
    const accepted = await inProject(["lock", "update", name, ...hint.split(" ")]);
    expect(accepted.exitCode, accepted.stderr).toBe(0);
    const { signatures = [] } = parseLock(readFileSync(lock, "utf8"), "lock").tools[name] ?? {};
    expect(signatures.map(({ digest }) => digest)).toEqual([one.digest, evil.digest].sort());
    writeFileSync(lock, before);
  }
});
