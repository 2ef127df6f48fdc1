/** The cache as processes meet it: damaged, shared, killed in the middle, full, read-only, somebody else's. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras, orasCommand } from "../support/executable.ts";
import { impossibleFolder, temporaryFolder } from "../support/folders.ts";
import { layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

const linux = ["--platform", "linux-x86_64"];

function blobPath(cacheDir: string, digest: string): string {
  return join(cacheDir, "oras", digest.slice(7, 9), digest.slice(7));
}

describe("a damaged blob", () => {
  test.each([
    ["flipped", "#!/bin/sh\necho tool for linuX\n"],
    ["cut short", "#!/bin"],
    ["too long", `${linuxTool}# more\n`],
    ["empty", ""],
  ])("that is %s is replaced, exit 0; with --offline it is exit 65 and a hint", async (_, damaged) => {
    const server = await startServer(serveTool(linuxTool));
    const dir = temporaryFolder();
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    const reference = `${server.host}/t/tool:1`;
    expect((await oras(["pull", reference], { cwd: dir, env })).exitCode).toBe(0);
    const path = blobPath(join(dir, "cache"), sha256(linuxTool));
    const damage = (): void => {
      chmodSync(path, 0o644);
      writeFileSync(path, damaged);
    };
    damage();
    const offline = await oras(["pull", reference, "--offline", "-o", "out"], { cwd: dir, env });
    expect(offline.exitCode).toBe(65);
    expect(offline.stderr).toMatch(/CACHE_DAMAGED[\s\S]*hint: /);
    expect(existsSync(join(dir, "out/tool"))).toBe(false);

    expect((await oras(["pull", reference], { cwd: dir, env })).exitCode).toBe(0);
    damage();
    const again = await oras(["pull", reference, "-o", "out"], { cwd: dir, env });
    expect(again.exitCode, again.stderr).toBe(0);
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(linuxTool);
    expect(readFileSync(path, "utf8")).toBe(linuxTool);
  });

  test("a folder in its place is replaced", async () => {
    const project = await layoutProject();
    mkdirSync(blobPath(project.cacheDir, sha256(linuxTool)), { recursive: true });
    const ran = await project.oras(["pull", "oci:layout:1.0", ...linux]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(blobPath(project.cacheDir, sha256(linuxTool)), "utf8")).toBe(linuxTool);
  });
});

describe("a cache folder that says no is exit 74 and says what to do", () => {
  test("a full disk", async (context) => {
    const project = await layoutProject();
    const disk = join(project.dir, "disk");
    mkdirSync(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
    if (mounted.status !== 0) context.skip("a tmpfs cannot be mounted here");
    onTestFinished(() => void spawnSync("umount", ["-l", disk]));
    writeFileSync(join(project.dir, "large"), Buffer.alloc(1_000_000, 7));
    await project.oras(["push", "oci:layout:large", "large"]);
    const env = { BUCK2_ORAS_CACHE_DIR: join(disk, "cache") };
    const full = await project.oras(["pull", "oci:layout:large"], { env });
    expect(full.exitCode, full.stderr).toBe(74);
    expect(full.stderr).toMatch(/error\[DISK_FULL\][\s\S]*hint: free some disk space/);
    expect(readdirSync(join(disk, "cache/tmp"))).toEqual([]);
    const output = await project.oras(["pull", "oci:layout:large", "-o", join(disk, "out")]);
    expect(output.exitCode, output.stderr).toBe(74);
    expect(existsSync(join(disk, "out/large"))).toBe(false);
  });

  test("a read-only file system", async (context) => {
    const project = await layoutProject();
    const disk = join(project.dir, "disk");
    mkdirSync(disk);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", disk]).status !== 0)
      context.skip("a tmpfs cannot be mounted here");
    onTestFinished(() => void spawnSync("umount", ["-l", disk]));
    const ran = await project.oras(["pull", "oci:layout:1.0", ...linux], {
      env: { BUCK2_ORAS_CACHE_DIR: join(disk, "cache") },
    });
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(/error\[PERMISSION_DENIED\][\s\S]*hint: .*read-only/);
  });

  test("somebody else's folder", async (context) => {
    const setpriv = requireProgram(context, "setpriv");
    if (process.getuid?.() !== 0) context.skip("only root can become somebody else");
    const project = await layoutProject();
    chmodSync(project.dir, 0o755);
    mkdirSync(join(project.dir, "theirs"), { mode: 0o755 });
    const command = [...orasCommand(), "pull", "oci:layout:1.0", ...linux];
    chmodSync(join(inject("executable"), ".."), 0o755);
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: impossibleFolder,
      BUCK2_ORAS_CACHE_DIR: join(project.dir, "theirs"),
    };
    const ran = spawnSync(setpriv, ["--reuid=65534", "--regid=65534", "--clear-groups", ...command], {
      cwd: project.dir,
      env,
      encoding: "utf8",
    });
    expect(ran.status, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(/error\[PERMISSION_DENIED\][\s\S]*hint: check the folder/);
  });
});

test("two tools with the same content are stored, and fetched, once", async (context) => {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(registry.stop);
  const project = await layoutProject();
  for (const name of ["a", "b"]) await project.oras(["push", `${registry.host}/t/${name}:1`, "linux-x86_64/tool"]);
  for (const name of ["a", "b"])
    expect((await project.oras(["pull", `${registry.host}/t/${name}:1`])).exitCode).toBe(0);
  const gets = registry
    .log()
    .split("\n")
    .filter((line) => line.includes(`"GET /v2/`) && line.includes("/blobs/"));
  expect(gets).toHaveLength(1);
  // The content, and the manifest that both tags name.
  expect(
    execFileSync("find", [join(project.cacheDir, "oras"), "-type", "f"], { encoding: "utf8" })
      .trim()
      .split("\n"),
  ).toHaveLength(2);
});

test("a cache that does not exist, or is a file, has nothing to clear, and says so", async () => {
  const project = await layoutProject();
  const missing = await project.oras(["clear-cache", "--cache-dir", "tyop"]);
  expect(missing).toMatchObject({ exitCode: 0, stdout: "Removed 0 files (0 B)\n" });
  expect(missing.stderr).toBe(`warning: the cache ${join(project.dir, "tyop")} does not exist\n`);
  writeFileSync(join(project.dir, "file"), "");
  const file = await project.oras(["clear-cache", "--cache-dir", "file"]);
  expect(file.exitCode).toBe(64);
  expect(file.stderr).toContain(`${join(project.dir, "file")} is not a folder`);
});

test("`clear-cache --dry-run` says what would go, and nothing goes", async () => {
  const project = await layoutProject();
  const cache = ["--cache-dir", join(project.dir, "cache")];
  await project.oras(["pull", "oci:layout:1.0", ...cache, ...linux]);
  const planned = await project.oras(["clear-cache", "--dry-run", ...cache]);
  const sum = /^Would remove (\d+ files) \((.+)\), with \d+ notes?\n$/.exec(planned.stdout);
  expect(sum, planned.stdout).not.toBeNull();
  // The sum of `cache`.
  expect((await project.oras(["cache", ...cache])).stdout).toMatch(
    new RegExp(`^Together +${sum?.[1]}, ${sum?.[2]}$`, "m"),
  );
  const json = JSON.parse((await project.oras(["clear-cache", "--dry-run", "--json", ...cache])).stdout);
  expect(json).toMatchObject({ dryRun: true });
  const done = JSON.parse((await project.oras(["clear-cache", "--json", ...cache])).stdout);
  expect(done).toEqual({ ...json, dryRun: false });
  expect((await project.oras(["clear-cache", "--dry-run", ...cache])).stdout).toContain("Would remove 0 files");
});

test("doctor says that a cache cannot be used, and `clear-cache` what it leaves to transfers", async () => {
  const project = await layoutProject();
  const cache = join(project.dir, "cache");
  expect((await project.oras(["pull", "oci:layout:1.0", "--cache-dir", cache, ...linux])).exitCode).toBe(0);
  const partial = join(cache, "tmp", `${"0".repeat(64)}-0123456789abcdef.partial`);
  writeFileSync(partial, "half");
  const kept = await project.oras(["clear-cache", "--cache-dir", cache]);
  expect(kept.stderr).toBe("Kept 1 file of transfers that may still run, or ended in the last hour\n");
  utimesSync(partial, Date.now() / 1000, Date.now() / 1000 - 3700);
  expect((await project.oras(["clear-cache", "--cache-dir", cache])).stderr).toBe("");
  expect(readdirSync(join(cache, "tmp"))).toEqual([]);
  rmSync(join(cache, "tmp"), { recursive: true });
  symlinkSync(project.dir, join(cache, "tmp"));
  const ran = await project.oras(["doctor", "oci:layout:1.0", "--cache-dir", cache]);
  expect(ran.stdout).toMatch(/cache\s+warning .*tmp is a link, where a folder of the cache is expected/);
});
