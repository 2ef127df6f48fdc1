/** Outputs and cache folders that cannot be written: exit 74, what is in the way, what to do, and a cache that stays as it was. */
import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, inject, test } from "vitest";
import { orasCommand } from "../support/executable.ts";
import { impossibleFolder } from "../support/folders.ts";
import { type LayoutProject, layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";

const pull = ["pull", "oci:layout:1.0", "--platform", "linux-x86_64"];
const blob = ["blob", `oci:layout@${sha256(linuxTool)}`, "--size", String(linuxTool.length)];

async function projectWithFolder(): Promise<LayoutProject> {
  const project = await layoutProject();
  await project.oras(["push", "oci:layout:folder", "linux-x86_64"]);
  writeFileSync(join(project.dir, "taken"), "precious");
  symlinkSync("nowhere", join(project.dir, "dangling"));
  return project;
}

describe("exit 74 and a hint", () => {
  test.each<[string, readonly string[]]>([
    ["pull: -o is a file", [...pull, "-o", "taken"]],
    ["pull: -o is below a file", [...pull, "-o", "taken/below"]],
    ["pull: -o is a broken link", [...pull, "-o", "dangling"]],
    ["pull: a name that is too long", [...pull, "-o", "x".repeat(300)]],
    ["pull of a folder: -o is a file", ["pull", "oci:layout:folder", "-o", "taken"]],
    ["pull: the cache is a file", [...pull, "--cache-dir", "taken"]],
    ["pull: the cache is a broken link", [...pull, "--cache-dir", "dangling"]],
    ["blob: the output is below a file", [...blob, "-o", "taken/tool"]],
    ["blob: the output is a folder", [...blob, "-o", "linux-x86_64"]],
    ["extract: the archive is a folder", ["extract", "linux-x86_64", "-o", "out"]],
    ["the audit log is below a file", [...pull, "--audit-log", "taken/log"]],
  ])("%s", async (_, args) => {
    const project = await projectWithFolder();
    const ran = await project.oras(args);
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(/^error\[LOCAL_IO\]: .*(taken|dangling|x{200}|linux-x86_64)[\s\S]*^ {2}hint: /m);
    expect(statSync(join(project.dir, "taken")).size).toBe("precious".length);
    expect(existsSync(join(project.dir, "out"))).toBe(false);
  });

  test.each<[string, readonly string[]]>([
    ["the cache", [...pull, "--cache-dir", "/proc/x"]],
    ["the cache, deeper", [...pull, "--cache-dir", "/proc/x/y/z"]],
    ["the output of pull", [...pull, "-o", "/proc/x"]],
    ["the output of blob", [...blob, "-o", "/proc/x/tool"]],
    ["the output of extract", ["extract", "archive.tar", "-o", "/proc/x/y"]],
    ["the audit log", [...pull, "--audit-log", "/proc/x/log"]],
  ])("%s where the system makes no folders: no endless loop", async (_, args) => {
    const project = await projectWithFolder();
    spawnSync("tar", ["-cf", "archive.tar", "linux-x86_64"], { cwd: project.dir });
    const ran = await project.oras(args);
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toContain("  hint: ");
  });

  test("a home folder that is read-only, as in many containers: the hint names the options for another cache", async (context) => {
    const unshare = [requireProgram(context, "unshare"), "--map-root-user", "--mount", "sh", "-c"] as const;
    const project = await projectWithFolder();
    mkdirSync(join(project.dir, "home"));
    const readOnly = "mount -t tmpfs -o ro none home";
    const start = (script: string, args: readonly string[]) =>
      spawnSync(unshare[0], [...unshare.slice(1), script, "sh", ...args], {
        cwd: project.dir,
        env: { PATH: process.env.PATH ?? "", HOME: join(project.dir, "home") },
        encoding: "utf8",
      });
    if (start(readOnly, []).status !== 0) context.skip("this machine allows no mount namespace");
    const pulling = [...orasCommand(), ...pull, "-o", "out"];
    const refused = start(`${readOnly} && exec "$@"`, pulling);
    expect(refused.status, refused.stderr).toBe(74);
    expect(refused.stderr).toMatch(/hint: .*--cache-dir or BUCK2_ORAS_CACHE_DIR/);
    const elsewhere = start(`${readOnly} && exec "$@"`, [...pulling, "--cache-dir", "other"]);
    expect(elsewhere.status, elsewhere.stderr).toBe(0);
  });

  test("an output folder of somebody else's", async (context) => {
    const setpriv = requireProgram(context, "setpriv");
    if (process.getuid?.() !== 0) context.skip("only root can become somebody else");
    const project = await projectWithFolder();
    chmodSync(project.dir, 0o755);
    chmodSync(join(inject("executable"), ".."), 0o755);
    mkdirSync(join(project.dir, "theirs"), { mode: 0o755 });
    mkdirSync(join(project.dir, "ours"));
    chmodSync(join(project.dir, "ours"), 0o777);
    for (const args of [
      [...pull, "-o", "theirs"],
      [...blob, "-o", "theirs/tool"],
      ["pull", "oci:layout:folder", "-o", "theirs"],
    ]) {
      const command = [...orasCommand(), ...args];
      const ran = spawnSync(setpriv, ["--reuid=65534", "--regid=65534", "--clear-groups", ...command], {
        cwd: project.dir,
        env: { PATH: process.env.PATH ?? "", HOME: impossibleFolder, BUCK2_ORAS_CACHE_DIR: join(project.dir, "ours") },
        encoding: "utf8",
      });
      expect(ran.status, ran.stderr).toBe(74);
      expect(ran.stderr).toMatch(/error\[PERMISSION_DENIED\][\s\S]*hint: check the folder/);
    }
    expect(readdirSync(join(project.dir, "theirs"))).toEqual([]);
  });
});

test("an output that cannot be written leaves the cached blob as it is", async () => {
  const project = await layoutProject();
  await project.oras(pull);
  const path = join(project.cacheDir, "oras", sha256(linuxTool).slice(7, 9), sha256(linuxTool).slice(7));
  const before = statSync(path).ino;
  for (const args of [blob, [...blob, "--offline"]]) {
    expect(await project.oras([...args, "-o", "/proc/x"])).toMatchObject({ exitCode: 74 });
  }
  expect(statSync(path).ino).toBe(before);
});

describe("a stated size", () => {
  test.each(["cold", "warm"])("that is wrong is refused, the cache being %s", async (cache) => {
    const project = await layoutProject();
    if (cache === "warm") await project.oras(pull);
    const ran = await project.oras([...blob.slice(0, 2), "--size", "5", "-o", "tool"]);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toContain("error[BLOB_SIZE_MISMATCH]");
    expect(existsSync(join(project.dir, "tool"))).toBe(false);
    expect((await project.oras([...blob, "-o", "tool", ...(cache === "warm" ? ["--offline"] : [])])).exitCode).toBe(0);
  });
});

test("--no-executable: a program is written as data, by `blob` and by `extract --single`", async () => {
  const project = await layoutProject();
  writeFileSync(join(project.dir, "tool.gz"), gzipSync(linuxTool));
  const single = ["extract", "tool.gz", "--single"];
  for (const args of [blob, single]) {
    for (const [options, mode] of [
      [[], 0o755],
      [["--no-executable"], 0o644],
      [["--executable"], 0o755],
    ] as const) {
      expect(await project.oras([...args, ...options, "-o", "placed"])).toMatchObject({ exitCode: 0 });
      const what = [...args, ...options].join(" ");
      expect((statSync(join(project.dir, "placed")).mode & 0o777).toString(8), what).toBe(mode.toString(8));
      rmSync(join(project.dir, "placed"));
    }
  }
});
