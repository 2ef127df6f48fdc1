/** The author of a checkout, who writes a lock of 16 MiB: each list and text of it has a limit, and the rest takes little time. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { changeLock, formatLock, parseLock, readLock } from "../../src/lockfile/file.ts";
import type { Lock, LockedSignature, LockedTool } from "../../src/lockfile/schema.ts";
import { digestOf } from "../../src/model/digest.ts";
import { lookInLock } from "../../src/policy/looks.ts";
import { noSignal, testContext } from "../support/context.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";

const digest = digestOf("tool");
const layer = {
  digest,
  size: 1,
  mediaType: "application/x-tool",
  title: "tool",
  format: "raw",
  contentDigest: digest,
} as const;
const platform = { manifest: digest, repository: "r.example/t", layers: [layer] };
const tool = { reference: "r.example/t:1", digest, platforms: { any: platform } };
const signature = (n: number): LockedSignature => ({ digest, key: digestOf(`key ${n}`) });

function times<T>(count: number, make: (n: number) => T): T[] {
  return Array.from({ length: count }, (_, n) => make(n));
}

function lockOf(tools: Readonly<Record<string, object>>): string {
  return JSON.stringify({ version: 1, tools });
}

test("every list and text of a lock has a limit, and the writer keeps below it", () => {
  const rows: readonly (readonly [what: string, most: number, make: (count: number) => string])[] = [
    ["signatures", 4096, (count) => lockOf({ t: { ...tool, signatures: times(count, signature) } })],
    [
      "layers",
      10_000,
      (count) => lockOf({ t: { ...tool, platforms: { any: { ...platform, layers: times(count, () => layer) } } } }),
    ],
    [
      "platforms",
      64,
      (count) => lockOf({ t: { ...tool, options: { platforms: times(count, () => "linux-x86_64") } } }),
    ],
    ["tools", 10_000, (count) => lockOf(Object.fromEntries(times(count, (n) => [`t${n}`, tool])))],
    ["tools", 255, (length) => lockOf({ ["t".repeat(length)]: tool })],
    [
      "mediaType",
      1024,
      (length) =>
        lockOf({
          t: { ...tool, platforms: { any: { ...platform, layers: [{ ...layer, mediaType: "m".repeat(length) }] } } },
        }),
    ],
    ["reference", 8192, (length) => lockOf({ t: { ...tool, reference: "r".repeat(length) } })],
    [
      "repository",
      8192,
      (length) => lockOf({ t: { ...tool, platforms: { any: { ...platform, repository: "r".repeat(length) } } } }),
    ],
    [
      "executable",
      1024,
      (length) =>
        lockOf({ t: { ...tool, options: { executable: "e".repeat(length).replaceAll(/(e{199})e/g, "$1/") } } }),
    ],
    ["version", 256, (length) => lockOf({ t: { ...tool, stated: { version: "1".repeat(length) } } })],
    [
      "identity",
      2048,
      (length) => lockOf({ t: { ...tool, signatures: [{ digest, identity: "i".repeat(length), issuer: "i" }] } }),
    ],
  ];
  for (const [what, most, make] of rows) {
    expect(() => parseLock(make(most), "lock"), what).not.toThrow();
    let message = "";
    try {
      parseLock(make(most + 1), "lock");
    } catch (error) {
      message = String(error);
    }
    expect(message, what).toContain(what);
    expect(message.length, what).toBeLessThan(1500);
  }
});

test.each(["\n", "\r\n"])(
  "an artifact of so many files that no command could read the lock again is not locked: lines end with %j",
  async (end) => {
    const file = join(temporaryFolder(), "oras.lock.json");
    const before = formatLock({ version: 1, tools: {} }).replaceAll("\n", end);
    writeFileSync(file, before);
    /** 16 KiB for each tool. */
    const sized = (tools: number): Lock => {
      const long = "r".repeat(8000);
      const one = { ...tool, reference: long, platforms: { any: { ...platform, repository: long } } };
      return { version: 1, tools: Object.fromEntries(times(tools, (n) => [`t${n}`, one])) };
    };
    const change = (lock: Lock) => changeLock(file, () => lock, testContext(), noSignal);
    await expect(change(sized(1100))).rejects.toMatchObject({ code: "LOCK_INVALID" });
    expect(readFileSync(file, "utf8")).toBe(before);
    await change(sized(900));
    await expect(readLock(file)).resolves.toBeDefined();
  },
);

test("lock check --policy: tools and signatures at their limits are judged within the limit of the command", async () => {
  const dir = temporaryFolder();
  const identities = times(
    4096,
    (n): LockedSignature => ({
      digest,
      identity: `https://forge.example/${n}${"/x".repeat(150)}`,
      issuer: "https://i.example",
    }),
  );
  const signed: LockedTool = { ...tool, signatures: identities };
  const plain: LockedTool = { ...tool, signatures: [signature(1)] };
  const lock: Lock = {
    version: 1,
    tools: { ...Object.fromEntries(times(9000, (n) => [`t${n}`, plain])), a: signed, b: signed },
  };
  writeFileSync(join(dir, ".buckconfig"), "");
  writeFileSync(join(dir, "oras.lock.json"), formatLock(lock));
  const signers = times(32, (n) => ({
    identity: `https://forge.example/**/y${n}/**@refs/*`,
    issuer: "https://i.example",
  }));
  const root = join(import.meta.dirname, "../signature/real/public-root.json");
  writeFileSync(
    join(dir, "buck2-oras.json"),
    JSON.stringify({ policies: [{ prefix: "*", signers, trustRoot: root }] }),
  );
  // Without the short cuts of patterns and the one reading of a policy, this takes minutes.
  const { exitCode, stdout } = await oras(["lock", "check", "--policy", "--timeout", "60"], { cwd: dir });
  expect(exitCode).toBe(65);
  expect(stdout).toContain("SIGNATURE_REFUSED");
});

test("lock check --policy: whoever wrote the lock keeps no command from its end", async () => {
  const ending = new AbortController();
  const look = lookInLock(times(4096, signature), ending.signal);
  const location = { kind: "registry", registry: "r.example", repository: "t" } as const;
  const looking = look(location, digest, { keys: [], identities: [], trustRoot: undefined });
  setImmediate(() => ending.abort(new Error("the end of the command")));
  await expect(looking).rejects.toThrow("the end of the command");
});
