/** What `pull` writes and says, whatever the cache had before. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { orasCommand } from "../support/executable.ts";
import { impossibleFolder } from "../support/folders.ts";
import { type LayoutProject, layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";

const linux = ["--platform", "linux-x86_64"];
const pinned = ["--digest", sha256(linuxTool)];

async function projectWithFolder(): Promise<LayoutProject> {
  const project = await layoutProject();
  writeFileSync(join(project.dir, "linux-x86_64", "note.txt"), "note");
  await project.oras(["push", "oci:layout:folder", "linux-x86_64"]);
  return project;
}

describe("content that another reference brought into the cache", () => {
  test("gets the name that this reference gives it, as from an empty cache", async () => {
    const project = await layoutProject();
    await project.oras(["push", "oci:other:1", "linux-x86_64/tool", "--title", "another-name"]);
    const placed: string[][] = [];
    for (const cache of ["cold", "warm"]) {
      const cacheDir = join(project.dir, `cache-${cache}`);
      const env = { BUCK2_ORAS_CACHE_DIR: cacheDir };
      if (cache === "warm") await project.oras(["pull", "oci:other:1"], { env });
      const ran = await project.oras(["pull", "oci:layout:1.0", ...linux, ...pinned, "-o", cache], { env });
      expect(ran.exitCode, ran.stderr).toBe(0);
      placed.push(readdirSync(join(project.dir, cache)));
    }
    expect(placed).toEqual([["tool"], ["tool"]]);
  });

  test("is not what a folder gives", async () => {
    const project = await projectWithFolder();
    await project.oras(["pull", "oci:layout:1.0", ...linux]);
    const ran = await project.oras(["pull", "oci:layout:folder", ...pinned, "-o", "out"]);
    expect(ran.exitCode).toBe(64);
    expect(ran.stderr).toContain("pin its manifest instead");
    expect(existsSync(join(project.dir, "out"))).toBe(false);
  });

  test("is returned without asking when nothing is to be placed, and offline", async () => {
    const project = await layoutProject();
    await project.oras(["pull", "oci:layout:1.0", ...linux]);
    const nobody = ["pull", "localhost:1/nobody/asked:1", ...pinned];
    expect((await project.oras(nobody)).exitCode).toBe(0);
    expect((await project.oras([...nobody, "-o", "out", "--offline"])).exitCode).toBe(0);
    expect((await project.oras([...nobody, "-o", "out"])).exitCode).toBe(69);
  });
});

describe("what is said on stderr", () => {
  test("of a file its digest; of a folder the manifest's, and that it is the manifest's", async () => {
    const project = await projectWithFolder();
    const file = await project.oras(["pull", "oci:layout:1.0", ...linux, "-o", "file"]);
    expect(file.stderr).toMatch(new RegExp(`^Digest: ${sha256(linuxTool)}$`, "m"));
    expect(file.stderr).not.toContain("manifest");
    const folder = await project.oras(["pull", "oci:layout:folder", "-o", "folder", "--json"]);
    const { digest, manifestDigest } = JSON.parse(folder.stdout);
    expect(digest).toBe(manifestDigest);
    const shown = await project.oras(["pull", "oci:layout:folder", "-o", "folder"]);
    expect(shown.stdout).toBe(`Artifact placed at: ${join(project.dir, "folder")}\n`);
    expect(shown.stderr).toMatch(new RegExp(`^Digest: ${digest}\nNote: .* digest of the manifest`, "m"));
  });

  test("--extract of what is no archive: that it is placed as it is", async () => {
    const project = await layoutProject();
    const ran = await project.oras(["pull", "oci:layout:1.0", ...linux, "-o", "out", "--extract"]);
    expect(ran.exitCode).toBe(0);
    expect(ran.stderr).toMatch(/^Note: --extract found no archive: /m);
    expect(readFileSync(join(project.dir, "out/tool"), "utf8")).toBe(linuxTool);
    spawnSync("tar", ["-cf", "tool.tar", "linux-x86_64"], { cwd: project.dir });
    await project.oras(["push", "oci:layout:tar", "tool.tar"]);
    const archive = await project.oras(["pull", "oci:layout:tar", "-o", "unpacked", "--extract"]);
    expect(archive.stderr).not.toContain("Note:");
    expect(existsSync(join(project.dir, "unpacked/linux-x86_64/tool"))).toBe(true);
  });
});

test("a warm cache that belongs to somebody else serves what it has, under other references, too", async (context) => {
  const setpriv = requireProgram(context, "setpriv");
  if (process.getuid?.() !== 0) context.skip("only root can become somebody else");
  const project = await layoutProject();
  await project.oras(["push", "oci:layout:2.0", "linux-x86_64/tool"]);
  await project.oras(["pull", "oci:layout:1.0", ...linux]);
  chmodSync(project.dir, 0o777);
  chmodSync(join(inject("executable"), ".."), 0o755);
  const before = spawnSync("find", [project.cacheDir, "-printf", "%p %s %i\n"], { encoding: "utf8" }).stdout;
  const blob = ["blob", `oci:layout@${sha256(linuxTool)}`, "--size", String(linuxTool.length)];
  for (const [index, args] of [
    ["pull", "oci:layout:1.0", ...linux],
    ["pull", "oci:layout:1.0", ...linux, "-o", "out1"],
    ["pull", "oci:layout:2.0", "-o", "out2"],
    ["pull", "localhost:1/nobody/asked:1", ...pinned],
    [...blob, "-o", "out4"],
  ].entries()) {
    const ran = spawnSync(setpriv, ["--reuid=65534", "--regid=65534", "--clear-groups", ...orasCommand(), ...args], {
      cwd: project.dir,
      env: { PATH: process.env.PATH ?? "", HOME: impossibleFolder, BUCK2_ORAS_CACHE_DIR: project.cacheDir },
      encoding: "utf8",
    });
    expect(ran.status, `${index}: ${ran.stderr}`).toBe(0);
  }
  expect(spawnSync("find", [project.cacheDir, "-printf", "%p %s %i\n"], { encoding: "utf8" }).stdout).toBe(before);
});

test("--ca-file that is missing, or no PEM file, is an error even where only http is spoken", async () => {
  const project = await layoutProject();
  writeFileSync(join(project.dir, "not.pem"), "x");
  for (const file of ["missing.pem", "not.pem"]) {
    const ran = await project.oras(["pull", "oci:layout:1.0", ...linux, "--ca-file", file]);
    expect(ran.exitCode).toBe(78);
    expect(ran.stderr).toMatch(new RegExp(`error\\[CONFIG_INVALID\\]: .*${file}`));
  }
});

test("clear-cache leaves a folder alone that is no cache", async () => {
  const project = await layoutProject();
  await project.oras(["pull", "oci:layout:1.0", ...linux]);
  for (const folder of [".", "linux-x86_64"]) {
    const ran = await project.oras(["clear-cache", "--cache-dir", folder]);
    expect(ran.exitCode).toBe(64);
    expect(ran.stderr).toMatch(/is not a cache of buck2-oras[\s\S]*hint: .*nothing was removed/);
  }
  expect((await project.oras(["clear-cache", "--cache-dir", "missing"])).exitCode).toBe(0);
  // The tool, its note, its manifest and the index.
  expect((await project.oras(["clear-cache"])).stdout).toMatch(/^Removed 4 files/);
});

describe("hints that work", () => {
  test("a file that is not there", async () => {
    const project = await layoutProject();
    for (const args of [
      ["verify", "missing", sha256("")],
      ["extract", "missing", "-o", "out"],
      ["push", "oci:layout:3.0", "missing"],
    ]) {
      const ran = await project.oras(args);
      expect(ran.exitCode).toBe(66);
      expect(ran.stderr).toMatch(/FILE_NOT_FOUND\]: [\s\S]*hint: check the path; a relative path/);
    }
  });

  test.each(["{", '{"version": 1, "tools": 5}', '{"version": 9}'])(
    "a lock that is %j: remove it, add anew",
    async (text) => {
      const project = await layoutProject();
      writeFileSync(join(project.dir, "oras.lock.json"), text);
      const add = ["lock", "add", "tool", "oci:layout:1.0"];
      const broken = await project.oras(add);
      expect(broken.exitCode).toBe(78);
      expect(broken.stderr).toMatch(/hint: .*remove \S+ and recreate it with `buck2-oras lock add`/);
      spawnSync("rm", ["oras.lock.json"], { cwd: project.dir });
      expect((await project.oras(add)).exitCode).toBe(0);
    },
  );

  test("a lock in another form: lock update writes it as it should be", async () => {
    const project = await layoutProject();
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    const path = join(project.dir, "oras.lock.json");
    const written = readFileSync(path, "utf8");
    writeFileSync(path, JSON.stringify(JSON.parse(written)));
    const check = await project.oras(["lock", "check"]);
    expect(check.exitCode).toBe(78);
    expect(check.stderr).toMatch(/LOCK_OUTDATED[\s\S]*hint: run `buck2-oras lock update`/);
    expect((await project.oras(["lock", "update"])).exitCode).toBe(0);
    expect(readFileSync(path, "utf8")).toBe(written);
    expect((await project.oras(["lock", "check"])).exitCode).toBe(0);
  });

  test("a prefix that leads outside is said once", async () => {
    const project = await layoutProject();
    spawnSync("tar", ["-cf", "tool.tar", "linux-x86_64"], { cwd: project.dir });
    const ran = await project.oras(["extract", "tool.tar", "-o", "out", "--strip-prefix", "../x"]);
    expect(ran.exitCode).toBe(64);
    expect(ran.stderr).toMatch(/USAGE_INVALID\]: the prefix .* leads outside/);
    expect(ran.stderr).not.toContain("cause:");
  });
});
