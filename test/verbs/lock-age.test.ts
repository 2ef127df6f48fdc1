/** `lock add` and `lock update` with demanded ages. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { agedRegistry, dayMs, daysAgo } from "../support/registry/aged.ts";

/** A project and a home without any policy yet. */
function agedProject() {
  const home = temporaryFolder();
  const dir = join(home, "project");
  const run = (args: readonly string[], env: Readonly<Record<string, string>> = {}) =>
    oras(args, { cwd: dir, env: { HOME: home, ...env } });
  const lockFile = join(dir, "oras.lock.json");
  return {
    dir,
    run,
    lockFile,
    text: () => readFileSync(lockFile, "utf8"),
    tool: (name = "tool") => parseLock(readFileSync(lockFile, "utf8"), "lock").tools[name],
    policies: (...policies: readonly object[]) =>
      writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ policies })),
  };
}

function toolIn(registry: { readonly host: string }) {
  const project = agedProject();
  mkdirSync(project.dir);
  writeFileSync(join(project.dir, ".buckconfig"), "");
  /** Pushes a version; @returns its digest. */
  const push = async (tag: string, content: string): Promise<string> => {
    writeFileSync(join(project.dir, "file"), content, { mode: 0o755 });
    const ran = await project.run(["push", `${registry.host}/t/tool:${tag}`, "file", "--json"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    return JSON.parse(ran.stdout).digest;
  };
  return { ...project, push, reference: `${registry.host}/t/tool:1` };
}

describe("lock add", () => {
  test("a version of the demanded age is locked with its time", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, tool } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(8);
    const added = await run(["lock", "add", "tool", reference, "--min-age", "7d"]);
    expect(added.exitCode, added.stderr).toBe(0);
    expect(tool()?.published).toEqual({
      time: registry.fallback.toISOString().replace(/\.[0-9]+Z$/, "Z"),
      by: "registry",
    });
  });

  test("a version that is too young is refused: its age, the demand, whose it is, and when it will be old enough", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, policies, lockFile, dir } = toolIn(registry);
    await push("1", "one");
    registry.fallback = new Date(Math.floor((Date.now() - 3.5 * dayMs) / 1000) * 1000);
    policies({ prefix: "*", minAgeDays: 7 });
    const refused = await run(["lock", "add", "tool", reference, "--json"]);
    expect(refused.exitCode, refused.stdout + refused.stderr).toBe(65);
    const { code, message, hint } = JSON.parse(refused.stdout).error;
    const at = (date: Date) => date.toISOString().slice(0, 16).replace("T", " ");
    expect(code).toBe("VERSION_AGE_REFUSED");
    expect(message).toBe(
      `tool: ${reference} is 3 days old (${at(registry.fallback)} UTC, says the registry); the policy for * in ${join(dir, "buck2-oras.json")} demands at least 7 days`,
    );
    expect(hint).toContain(`run the command again after ${at(new Date(registry.fallback.getTime() + 7 * dayMs))} UTC`);
    expect(existsSync(lockFile)).toBe(false);
  });

  test("a version that is too old is refused", async () => {
    const registry = await agedRegistry();
    const { push, run, reference } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(400);
    const refused = await run(["lock", "add", "tool", reference, "--max-age", "52w"]);
    expect(refused.exitCode).toBe(65);
    expect(refused.stderr).toMatch(/is 400 days old .*--max-age demands at most 364 days/);
    expect((await run(["lock", "add", "tool", reference, "--max-age", "500d"])).exitCode).toBe(0);
  });

  test("without a demand, no time is asked for, and none is written", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, tool, policies } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(1);
    policies({ prefix: "other.example", minAgeDays: 7 });
    const before = registry.timesAsked();
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    expect(tool()?.published).toBeUndefined();
    expect(registry.timesAsked()).toBe(before);
  });

  test("a wish of the policy is a warning", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, policies, tool } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(1);
    policies({ prefix: "*", minAgeDays: 7, action: "warn" });
    const added = await run(["lock", "add", "tool", reference]);
    expect(added.exitCode, added.stderr).toBe(0);
    expect(added.stderr.match(/is 24 hours old/g)).toHaveLength(1);
    expect(tool()?.published?.by).toBe("registry");
  });

  test("the publisher's own time vouches for nothing", async () => {
    const registry = await agedRegistry();
    const { run, reference, dir, push } = toolIn(registry);
    await push("1", "one");
    const pushed = await run([
      "push",
      reference,
      "file",
      "--annotation",
      "org.opencontainers.image.created=2020-01-01T00:00:00Z",
    ]);
    expect(pushed.exitCode, pushed.stderr).toBe(0);
    const refused = await run(["lock", "add", "tool", reference, "--min-age", "7d"]);
    expect(refused.exitCode, dir).toBe(65);
    expect(refused.stderr).toContain("has no age: nothing trusted vouches for a time");
  });

  test("a mirror vouches for nothing", async () => {
    const [registry, mirror] = [await agedRegistry(), await agedRegistry()];
    const { push, run, reference, dir } = toolIn(registry);
    await push("1", "one");
    expect((await run(["copy", reference, `${mirror.host}/t/tool:1`])).exitCode).toBe(0);
    mirror.fallback = daysAgo(1000);
    const registries = { own: { prefix: registry.host, mirrors: [mirror.host] } };
    writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ registries }));
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    expect((await run(["lock", "add", "other", reference], env)).exitCode).toBe(0);
    expect(mirror.blobReads().length).toBeGreaterThan(0);
    const refused = await run(["lock", "add", "tool", reference, "--min-age", "1d"], env);
    expect(refused.exitCode, refused.stderr).toBe(65);
    expect(refused.stderr).toContain("has no age");
  });

  test("a layout folder's files have no trusted time", async () => {
    const { run, push } = toolIn(await agedRegistry());
    await push("1", "one");
    expect((await run(["push", "oci:layout:1", "file"])).exitCode).toBe(0);
    const refused = await run(["lock", "add", "tool", "oci:layout:1", "--min-age", "1h"]);
    expect(refused.exitCode).toBe(65);
    expect(refused.stderr).toContain("has no age");
  });

  test.for(realRegistries)("%s vouches for no time, and so no version passes", async (name, context) => {
    const { run, push, reference } = toolIn({ host: await startRealRegistry(name, context) });
    await push("1", "one");
    const refused = await run(["lock", "add", "tool", reference, "--min-age", "1h"]);
    expect(refused.exitCode, refused.stdout).toBe(65);
    expect(refused.stderr).toMatch(/VERSION_AGE_REFUSED[\s\S]*`trustRoot`[\s\S]*leave --min-age out/);
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
  });

  test.each(["7", "0d", "7m", "-7d", "soon", ""])("--min-age %j names what is accepted", async (age) => {
    const home = temporaryFolder();
    const ran = await oras(["lock", "add", "tool", "example.org/t:1", "--min-age", age], { cwd: home });
    expect(ran.exitCode).toBe(64);
    expect(ran.stderr).toContain("a whole number with a unit: 36h, 7d or 2w");
  });
});

describe("clocks", () => {
  test("a clock of this machine that is ahead makes nothing older: the registry's counts", async () => {
    const registry = await agedRegistry();
    const { push, run, reference } = toolIn(registry);
    await push("1", "one");
    // As if this machine were thirty days ahead of everybody else.
    registry.clock = daysAgo(30);
    registry.fallback = daysAgo(31);
    const refused = await run(["lock", "add", "tool", reference, "--min-age", "7d"]);
    expect(refused.exitCode).toBe(65);
    expect(refused.stderr).toContain("is 24 hours old");
  });

  test("a time in the future is no age, whatever the registry's clock says", async () => {
    const registry = await agedRegistry();
    const { push, run, reference } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(-100);
    registry.clock = daysAgo(-200);
    const refused = await run(["lock", "add", "tool", reference, "--min-age", "7d"]);
    expect(refused.exitCode).toBe(65);
    expect(refused.stderr).toContain("is of the future");
  });
});

describe("lock update", () => {
  test("a version that is too young is left and named, while other tools are updated", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, tool, text } = toolIn(registry);
    const old = await push("1", "one");
    await push("2", "two");
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    expect((await run(["lock", "add", "other", reference.replace(/1$/, "2")])).exitCode).toBe(0);
    const entry = JSON.stringify(tool());
    const young = await push("1", "one, changed");
    const ripe = await push("2", "two, changed");
    registry.published.set(young, daysAgo(1)).set(ripe, daysAgo(30));
    const updated = await run(["lock", "update", "--min-age", "7d", "--json"]);
    expect(updated.exitCode, updated.stderr).toBe(0);
    const changes = Object.fromEntries(
      JSON.parse(updated.stdout).tools.map((one: { tool: string }) => [one.tool, one]),
    );
    expect(changes.other).toMatchObject({ change: "updated", digest: ripe, left: null });
    expect(changes.tool).toMatchObject({ change: "left", digest: old, previousDigest: old });
    expect(changes.tool.left).toMatchObject({ digest: young, reason: expect.stringContaining("is 24 hours old") });
    expect(Date.parse(changes.tool.left.oldEnoughAt) - Date.parse(changes.tool.left.published)).toBe(7 * dayMs);
    expect(JSON.stringify(tool())).toBe(entry);
    expect(tool("other")?.published).toMatchObject({ by: "registry" });

    const after = text();
    const shown = await run(["lock", "update", "--min-age", "7d"]);
    expect(shown.exitCode).toBe(0);
    expect(shown.stdout.replace(/\s+/g, " ")).toMatch(
      /tool left .*tool stays as locked: the new version is 24 hours old \(.*--min-age demands at least 7 days/,
    );
    expect(text()).toBe(after);
    registry.published.set(young, daysAgo(7.1));
    expect((await run(["lock", "update", "--min-age", "7d"])).exitCode).toBe(0);
    expect(tool()?.digest).toBe(young);
  });

  test("what is locked already is not left, and costs no question about its time", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, text } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(1);
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const [before, asked] = [text(), registry.timesAsked()];
    const updated = await run(["lock", "update", "--min-age", "7d", "--json"]);
    expect(JSON.parse(updated.stdout).tools).toMatchObject([{ change: "unchanged", left: null }]);
    expect(text()).toBe(before);
    expect(registry.timesAsked()).toBe(asked);
  });

  test("a push of the same bytes changes no recorded time, and neither does a demand that is gone", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, text, policies } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(10);
    policies({ prefix: "*", minAgeDays: 7 });
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const before = text();
    expect(before).toContain('"published"');
    await push("1", "one");
    registry.fallback = daysAgo(0);
    expect((await run(["lock", "update"])).exitCode).toBe(0);
    expect(text()).toBe(before);
    policies();
    expect((await run(["lock", "update"])).exitCode).toBe(0);
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    expect(text()).toBe(before);
  });

  test("a policy that comes later: the time is looked up, and one that nobody knows is refused", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, text, policies, tool } = toolIn(registry);
    await push("1", "one");
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const before = text();
    policies({ prefix: "*", minAgeDays: 7 });
    const refused = await run(["lock", "update"]);
    expect(refused.exitCode).toBe(65);
    expect(refused.stderr).toMatch(/has no age[\s\S]*with a policy of its own and `minAgeDays` 0/);
    expect(text()).toBe(before);
    policies({ prefix: "*", minAgeDays: 7 }, { prefix: reference.split(":1")[0] as string, minAgeDays: 0 });
    expect((await run(["lock", "update"])).exitCode).toBe(0);
    policies({ prefix: "*", minAgeDays: 7 });
    registry.fallback = daysAgo(1);
    const young = await run(["lock", "update"]);
    expect(young.exitCode, young.stderr).toBe(0);
    expect(tool()?.published?.by).toBe("registry");
  });

  test("several refusals name each tool, and nothing is written", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, text } = toolIn(registry);
    await push("1", "one");
    for (const name of ["a", "b", "c"]) await run(["lock", "add", name, reference]);
    const before = text();
    registry.fallback = daysAgo(40);
    const refused = await run(["lock", "update", "--max-age", "30d"]);
    expect(refused.exitCode).toBe(65);
    expect(refused.stderr.replace(/\s+/g, " ")).toMatch(
      /a: .* is 40 days old.*b: .* is 40 days old.*c: .* is 40 days old/,
    );
    expect(text()).toBe(before);
  });

  test("a tag that moved twice: the newest is left, and the one between is not seen", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, tool } = toolIn(registry);
    const first = await push("1", "one");
    await run(["lock", "add", "tool", reference]);
    const between = await push("1", "two");
    const newest = await push("1", "three");
    registry.published.set(between, daysAgo(3)).set(newest, daysAgo(0));
    const updated = await run(["lock", "update", "--min-age", "2d", "--json"]);
    expect(JSON.parse(updated.stdout).tools).toMatchObject([{ change: "left", left: { digest: newest } }]);
    expect(tool()?.digest).toBe(first);
  });

  test("what another process locks meanwhile stays, also where the version is left", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, tool } = toolIn(registry);
    await push("1", "one");
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const young = await push("1", "two");
    registry.published.set(young, daysAgo(1));
    let release = () => {};
    registry.until = new Promise((resolve) => {
      release = resolve;
    });
    const asked = registry.timesAsked();
    const updating = run(["lock", "update", "--min-age", "7d"]);
    await vi.waitUntil(() => registry.timesAsked() > asked, { timeout: 30_000 });
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    release();
    expect((await updating).exitCode).toBe(0);
    expect(tool()?.digest).toBe(young);
  });

  test("a template: the youngest platform decides, and a new platform makes a new version", async () => {
    const registry = await agedRegistry();
    const { push, run, tool } = toolIn(registry);
    const template = `${registry.host}/t/tool:1-{platform}`;
    const linux = await push("1-linux-x86_64", "linux");
    registry.published.set(linux, daysAgo(30));
    expect((await run(["lock", "add", "tool", template, "--min-age", "7d"])).exitCode).toBe(0);
    const darwin = await push("1-darwin-arm64", "darwin");
    registry.published.set(darwin, daysAgo(2));
    const updated = await run(["lock", "update", "--min-age", "7d", "--json"]);
    expect(JSON.parse(updated.stdout).tools).toMatchObject([{ change: "left", left: { digest: null } }]);
    expect(Object.keys(tool()?.platforms ?? {})).toEqual(["linux-x86_64"]);
    expect((await run(["lock", "update", "--min-age", "1d"])).exitCode).toBe(0);
    expect(Object.keys(tool()?.platforms ?? {})).toEqual(["darwin-arm64", "linux-x86_64"]);
    registry.published.delete(linux);
    const unknown = await run(["lock", "add", "again", template, "--min-age", "1d"]);
    expect(unknown.exitCode).toBe(65);
    expect(unknown.stderr).toContain("has no age");
  });
});

describe("lock check --policy", () => {
  const checked = async (
    run: (args: readonly string[]) => ReturnType<typeof oras>,
    ...options: readonly string[]
  ): Promise<{ readonly exitCode: number | null; readonly faults: readonly string[] }> => {
    const { exitCode, stdout, stderr } = await run(["lock", "check", "--policy", ...options, "--json"]);
    const { faults } = JSON.parse(stdout);
    expect(faults, stderr).toBeDefined();
    return {
      exitCode,
      faults: faults.map((one: { code: string; action: string; reason: string }) =>
        [one.code, one.action, one.reason].join(" "),
      ),
    };
  };

  test("ages are judged now, by what the lock records, and no registry is asked", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, policies, lockFile, text } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(10);
    policies({ prefix: "*", minAgeDays: 7 });
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const before = registry.seen.length;
    expect(await checked(run)).toEqual({ exitCode: 0, faults: [] });
    policies({ prefix: "*", minAgeDays: 12 });
    expect(await checked(run)).toEqual({
      exitCode: 65,
      faults: [expect.stringMatching(/^VERSION_AGE_REFUSED require is 10 days old \(/)],
    });
    policies({ prefix: "*", minAgeDays: 7, maxAgeDays: 9, action: "warn" });
    expect(await checked(run)).toEqual({
      exitCode: 0,
      faults: [expect.stringMatching(/^VERSION_AGE_REFUSED warn is 10 days old \(/)],
    });
    policies({ prefix: "*", minAgeDays: 7 });
    const lock = JSON.parse(text());
    delete lock.tools.tool.published;
    writeFileSync(lockFile, `${JSON.stringify(lock, null, 2)}\n`);
    expect(await checked(run)).toEqual({
      exitCode: 65,
      faults: ["VERSION_AGE_REFUSED require the lock records no time from which its age counts"],
    });
    expect(registry.seen.length).toBe(before);
  });

  test("a time that was written by hand passes, until --online asks the registry", async () => {
    const registry = await agedRegistry();
    const { push, run, reference, policies, lockFile, text, dir } = toolIn(registry);
    await push("1", "one");
    registry.fallback = daysAgo(1);
    expect((await run(["lock", "add", "tool", reference])).exitCode).toBe(0);
    const lock = JSON.parse(text());
    const { platforms, ...others } = lock.tools.tool;
    lock.tools.tool = { ...others, platforms, published: { by: "registry", time: "2020-01-01T00:00:00Z" } };
    lock.tools.tool = Object.fromEntries(
      Object.entries(lock.tools.tool).sort(([one], [other]) => (one < other ? -1 : 1)),
    );
    writeFileSync(lockFile, `${JSON.stringify(lock, null, 2)}\n`);
    policies({ prefix: "*", minAgeDays: 7 });
    expect(await checked(run)).toEqual({ exitCode: 0, faults: [] });
    const lied = { exitCode: 65, faults: [expect.stringMatching(/^VERSION_AGE_REFUSED require is 24 hours old/)] };
    expect(await checked(run, "--online")).toEqual(lied);
    // A wish that the records do not fulfil ends no look at what is required.
    const userConfig = join(dir, "../.config/buck2-oras/config.json");
    mkdirSync(dirname(userConfig), { recursive: true });
    writeFileSync(userConfig, JSON.stringify({ policies: [{ prefix: "*", minAgeDays: 7 }] }));
    policies({ prefix: "*", maxAgeDays: 30, action: "warn" });
    expect(await checked(run)).toMatchObject({ exitCode: 0, faults: [expect.stringContaining(" warn ")] });
    const wish = expect.stringContaining(" warn is 2");
    expect(await checked(run, "--online")).toEqual({ ...lied, faults: [wish, ...lied.faults] });
    registry.fallback = undefined;
    expect((await checked(run, "--online")).faults[1]).toBe(
      "VERSION_AGE_REFUSED require has no age: nothing trusted vouches for a time",
    );
  });

  test.each([
    '"yesterday"',
    '"2026-01-31"',
    '"2026-02-30T00:00:00Z"',
    '"2026-01-31T12:00:00.000Z"',
    '"2026-01-31T12:00:00+01:00"',
    "1764000000",
    "null",
  ])("the time %s makes a lock invalid", async (time) => {
    const { dir, run, lockFile } = toolIn(await agedRegistry());
    const tool = `{"reference": "x.example/t:1", "digest": "sha256:${"0".repeat(64)}", "platforms": {}, "published": {"by": "registry", "time": ${time}}}`;
    writeFileSync(lockFile, `{"version": 1, "tools": {"tool": ${tool}}}`);
    const ran = await run(["lock", "check"]);
    expect(ran.exitCode, dir).toBe(78);
    expect(ran.stderr).toMatch(/LOCK_INVALID[\s\S]*published/);
  });
});
