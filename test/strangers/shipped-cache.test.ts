/** A cache that came with the checkout: git makes its files the user's own, and somebody else wrote them. */
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool, toolManifest } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";
import { forgeNote, requireRoot } from "../support/shared-cache.ts";

const tool = "#!/bin/sh\necho the tool\n";
const evil = "#!/bin/sh\necho the evil\n";
const manifest = sha256(toolManifest(tool));

/** A project whose file names a cache that it has, with the tag of one. */
function projectWithCache(): { readonly dir: string; readonly cacheDir: string } {
  const dir = temporaryFolder();
  writeFileSync(join(dir, ".buckroot"), "");
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ cacheDir: "c", retention: { olderThanDays: 0.00001 } }));
  mkdirSync(join(dir, "c"));
  const tag = "Signature: 8a477f597d28d172789f06886806bc55\n# This folder is a cache of buck2-oras.\n";
  writeFileSync(join(dir, "c", "CACHEDIR.TAG"), tag);
  return { dir, cacheDir: join(dir, "c") };
}

/** Lets every note of the cache name other content, which the cache has under its own digest. */
function poisonNotes(cacheDir: string, content: string): void {
  for (const name of readdirSync(join(cacheDir, "metadata"))) {
    const path = join(cacheDir, "metadata", name);
    const note = JSON.parse(readFileSync(path, "utf8")) as object;
    writeFileSync(path, JSON.stringify({ ...note, digest: sha256(content), size: content.length }));
  }
  const folder = join(cacheDir, "oras", sha256(content).slice(7, 9));
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, sha256(content).slice(7)), content);
}

test("a shipped note «manifest M is content D»: M is asked for, and what it holds is placed", async (context) => {
  requireRoot(context);
  const server = await startServer(serveTool(tool));
  const reference = `${server.host}/t/tool@${manifest}`;
  const runs: [readonly string[], Record<string, string>][] = [
    [[], {}],
    [["--cache-dir", "c"], {}],
    [[], { BUCK2_ORAS_CACHE_DIR: "c" }],
  ];
  for (const [options, env] of runs) {
    const { dir, cacheDir } = projectWithCache();
    forgeNote(cacheDir, { reference, content: evil, manifest });
    const asked = server.seen.length;
    const ran = await oras(["pull", reference, "-o", "out", ...options], { cwd: dir, env });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(server.seen.length).toBeGreaterThan(asked);
    expect(readFileSync(join(dir, "out", "tool"), "utf8")).toBe(tool);
    const offline = await oras(["pull", reference, "--offline", ...options], { cwd: dir, env });
    expect(offline.exitCode, offline.stderr).toBe(0);
    expect(readFileSync(/cached at: (.*)/.exec(offline.stdout)?.[1] ?? "", "utf8")).toBe(tool);
  }
});

test.each([
  ["as it is", tool],
  ["compressed", gzipSync(tool)],
])("a poisoned note in a cache that CI restored: the tool, pushed %s, is what its digest says", async (_, pushed) => {
  const server = await startServer(serveTool(pushed));
  const cacheDir = join(temporaryFolder(), "cache");
  const env = { BUCK2_ORAS_CACHE_DIR: cacheDir };
  const reference = `${server.host}/t/tool@${sha256(toolManifest(pushed))}`;
  expect((await oras(["pull", reference], { env })).exitCode).toBe(0);
  poisonNotes(cacheDir, evil);
  for (const options of [[], ["--offline"], ["--digest", sha256(tool)]]) {
    const dir = temporaryFolder();
    const ran = await oras(["pull", reference, "-o", ".", ...options], { cwd: dir, env });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(dir, "tool"), "utf8")).toBe(tool);
  }
});

test.each(["metadata", "oras", "tmp", "oras/ab", "cleared"])(
  "a link that is shipped as %s empties nothing",
  async (level) => {
    const { dir, cacheDir } = projectWithCache();
    const home = temporaryFolder();
    const precious = ["notes.json", `${"ab".repeat(32)}`, "content-0123456789abcdef", "letter.txt"];
    for (const name of precious) writeFileSync(join(home, name), "x");
    mkdirSync(join(cacheDir, level, ".."), { recursive: true });
    symlinkSync(level === "cleared" ? join(home, "letter.txt") : home, join(cacheDir, level));
    const commands = [
      ["push", "oci:l:1", "tool"],
      ["lock", "add", "tool", "oci:l:1"],
      ["lock", "update"],
      ["clear-cache"],
    ];
    writeFileSync(join(dir, "tool"), tool);
    const runs: Ran[] = [];
    for (const command of commands) runs.push(await oras(command, { cwd: dir, env: { HOME: home } }));
    for (const name of precious) expect(readFileSync(join(home, name), "utf8"), name).toBe("x");
    expect(existsSync(join(home, "CACHEDIR.TAG"))).toBe(false);
    for (const ran of runs) expect(ran.stderr).not.toContain("a defect");
  },
);

test.each(["metadata", "oras", "tmp", "locks", "oras/ab"])(
  "a link that is shipped as %s gets no file of ours behind it",
  async (level) => {
    const { dir, cacheDir } = projectWithCache();
    const home = temporaryFolder();
    const content = contentBeginning("ab");
    const server = await startServer(serveTool(content));
    mkdirSync(join(cacheDir, level, ".."), { recursive: true });
    symlinkSync(home, join(cacheDir, level));
    const ran = await oras(["pull", `${server.host}/t/tool:1`, "-o", "out"], { cwd: dir });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(content);
    expect(ran.stderr).toContain(`warning: ${join(cacheDir, level)} is a link`);
    const without = await oras(["pull", `${server.host}/t/tool:1`], { cwd: dir });
    expect(without.exitCode).toBe(74);
    expect(without.stderr).toContain(`${join(cacheDir, level)} is a link`);
    expect(readdirSync(home)).toEqual([]);
  },
);

/** Text whose digest begins so. */
function contentBeginning(hex: string): string {
  for (let number = 0; ; number += 1) {
    const content = `${tool}# ${number}`;
    if (sha256(content).startsWith(`sha256:${hex}`)) return content;
  }
}

test("doctor and config say that a cache is not the user's alone", async () => {
  const { dir } = projectWithCache();
  writeFileSync(join(dir, "tool"), tool);
  expect((await oras(["push", "oci:l:1", "tool"], { cwd: dir })).exitCode).toBe(0);
  const doctor = await oras(["doctor", "oci:l:1"], { cwd: dir });
  expect(doctor.stdout).toMatch(/cache +warning.*not yours alone: .* is in a project's folder/);
  const config = await oras(["config", "--json"], { cwd: dir });
  expect(JSON.parse(config.stdout)).toMatchObject({ cacheSharedBecause: expect.stringContaining("project's folder") });
  const own = await oras(["config", "--json", "--cache-dir", join(temporaryFolder(), "own")], { cwd: dir });
  expect(JSON.parse(own.stdout)).toMatchObject({ cacheSharedBecause: null });
});

test("a person's own folders below --cache-dir are left alone", async () => {
  const dir = temporaryFolder();
  for (const folder of ["metadata", "oras/ab", "tmp"]) {
    mkdirSync(join(dir, "work", folder), { recursive: true });
    writeFileSync(join(dir, "work", folder, "mine"), "x");
  }
  writeFileSync(join(dir, "tool"), tool);
  expect((await oras(["push", "oci:l:1", "tool"], { cwd: dir })).exitCode).toBe(0);
  const pulled = await oras(["pull", "oci:l:1", "--cache-dir", "work"], { cwd: dir });
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  expect(pulled.stderr).toContain("not empty");
  const cleared = await oras(["clear-cache", "--cache-dir", "work"], { cwd: dir });
  expect(cleared.exitCode).toBe(64);
  for (const folder of ["metadata", "oras/ab", "tmp"]) {
    expect(existsSync(join(dir, "work", folder, "mine")), folder).toBe(true);
  }
});
