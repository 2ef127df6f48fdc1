/** Versions that `lock add` and `lock update` refuse or leave: not downloaded, and not in the audit log as locked. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { AuditEntry } from "../../src/audit/audit.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { agedRegistry, daysAgo } from "../support/registry/aged.ts";
import { ecKey } from "../support/signing-keys.ts";

async function project() {
  const registry = await agedRegistry();
  registry.fallback = daysAgo(30);
  const home = temporaryFolder();
  const dir = join(home, "project");
  mkdirSync(dir);
  writeFileSync(join(dir, ".buckconfig"), "");
  const env = { HOME: home };
  const files = new Set<string>();
  const run = (...args: string[]) => oras(args, { cwd: dir, env });
  const audit = join(dir, "audit.jsonl");
  const push = async (name: string, content: string, ...more: string[]): Promise<string> => {
    writeFileSync(join(dir, "file"), content, { mode: 0o755 });
    const ran = await run("push", `${registry.host}/t/${name}:1`, "file", "--json", ...more);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const { digest } = JSON.parse(ran.stdout);
    const info = await run("info", `${registry.host}/t/${name}@${digest}`, "--json");
    for (const { layers } of JSON.parse(info.stdout).platforms) for (const one of layers) files.add(one.digest);
    return digest;
  };
  /** How many files of tools were read since the exchange; signatures are blobs, too. */
  const filesRead = (since: number): number => {
    const digests = registry
      .blobReads()
      .slice(since)
      .map(({ path }) => path.split("/blobs/")[1] ?? "");
    return new Set(digests.filter((one) => files.has(one))).size;
  };
  /** Runs a command of the lock; @returns its result, the files that it read, and its lines of the audit log. */
  const lock = async (...args: string[]) => {
    const before = registry.blobReads().length;
    writeFileSync(audit, "");
    const ran = await run("lock", ...args, "--audit-log", audit, "--cache-dir", temporaryFolder());
    const lines = readFileSync(audit, "utf8").trimEnd().split("\n").filter(Boolean);
    return {
      ...ran,
      read: filesRead(before),
      audit: lines
        .map((line): AuditEntry => JSON.parse(line))
        .map(({ reference, digest, outcome }) => [reference.slice(-3, -2), digest, outcome]),
    };
  };
  const policies = (...list: readonly object[]): void =>
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ policies: list }));
  return { registry, dir, run, push, lock, policies, reference: (name: string) => `${registry.host}/t/${name}:1` };
}

test("a young version: refused or left without a download, and the log has what stays locked", async () => {
  const { registry, dir, push, lock, reference } = await project();
  const first = await push("a", "one");
  const other = await push("b", "b");
  registry.fallback = daysAgo(1);
  const refused = await lock("add", "a", reference("a"), "--min-age", "7d");
  expect([refused.exitCode, refused.read, refused.audit]).toEqual([65, 0, [["a", null, "VERSION_AGE_REFUSED"]]]);
  expect(existsSync(join(dir, "oras.lock.json"))).toBe(false);
  registry.fallback = daysAgo(30);
  const added = await lock("add", "a", reference("a"), "--min-age", "7d");
  expect([added.exitCode, added.read, added.audit]).toEqual([0, 1, [["a", first, "ok"]]]);
  expect((await lock("add", "b", reference("b"))).exitCode).toBe(0);
  const second = await push("a", "two");
  registry.published.set(second, daysAgo(1));
  const left = await lock("update", "--min-age", "7d");
  expect([left.exitCode, left.audit.toSorted()]).toEqual([
    0,
    [
      ["a", null, "VERSION_AGE_REFUSED"],
      ["b", other, "ok"],
    ],
  ]);
  // The other tool's file alone.
  expect(left.read).toBe(1);
  const dry = await lock("update", "--dry-run");
  expect([dry.exitCode, dry.audit]).toEqual([0, []]);
  const updated = await lock("update");
  expect(updated.audit.toSorted()).toEqual([
    ["a", second, "ok"],
    ["b", other, "ok"],
  ]);
});

test("a changed source or signer, and a missing signature: nothing of any tool is downloaded, and the log has no digest", async () => {
  const { dir, push, lock, policies, reference, registry } = await project();
  const keys = ["one", "two"].map((name) => {
    const { plain, publicPem } = ecKey();
    writeFileSync(join(dir, `${name}.key`), plain);
    writeFileSync(join(dir, `${name}.pub`), publicPem);
    return { key: `${name}.pub` };
  });
  const source = (name: string) => ["--annotation", `org.opencontainers.image.source=https://forge.example/${name}`];
  policies({ prefix: `${registry.host}/t/a`, signers: keys });
  await push("a", "one", "--sign-key", "one.key");
  await push("b", "one", ...source("one"));
  for (const name of ["a", "b"]) expect((await lock("add", name, reference(name))).exitCode).toBe(0);
  const rows: readonly (readonly [string, () => Promise<string>])[] = [
    ["SIGNATURE_MISSING", () => push("a", "two")],
    ["SIGNER_CHANGED", () => push("a", "three", "--sign-key", "two.key")],
    ["SOURCE_CHANGED", () => push("b", "two", ...source("two"))],
  ];
  for (const [code, change] of rows) {
    await change();
    const { exitCode, stderr, read, audit } = await lock("update");
    expect([exitCode, stderr], code).toEqual([
      65,
      expect.stringContaining(code === "SOURCE_CHANGED" ? "forge.example/two" : code),
    ]);
    expect(read, code).toBe(0);
    expect(audit.map(([name, digest]) => [name, digest]).toSorted(), code).toEqual([
      ["a", null],
      ["b", null],
    ]);
  }
});
