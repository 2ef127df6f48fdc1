/** Which file of an artifact is the tool. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import type { LockedPlatform } from "../../src/lockfile/schema.ts";
import { rawZip } from "../archive/raw-zip.ts";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";

const elf = Buffer.concat([Buffer.from("\x7fELF\x02\x01\x01", "latin1"), Buffer.alloc(64)]);
const data = "no program\n";

type Content = string | Buffer | { readonly link: string };

function write(dir: string, files: Readonly<Record<string, Content>>, mode = 0o644): void {
  for (const [path, content] of Object.entries(files)) {
    const absolute = join(dir, path);
    mkdirSync(dirname(absolute), { recursive: true });
    if (typeof content === "object" && "link" in content) symlinkSync(content.link, absolute);
    else writeFileSync(absolute, content, { mode: content === elf ? 0o755 : mode });
  }
}

/** Publishes the files as one archive with this tag. */
async function publish(project: LayoutProject, tag: string, files: Readonly<Record<string, Content>>): Promise<void> {
  const folder = join(project.dir, `packed-${tag}`);
  rmSync(folder, { recursive: true, force: true });
  write(folder, files);
  execFileSync("tar", ["-czf", `${tag}.tar.gz`, "-C", folder, "."], { cwd: project.dir });
  const pushed = await project.oras(["push", `oci:layout:${tag}`, `${tag}.tar.gz`]);
  expect(pushed.exitCode, pushed.stderr).toBe(0);
}

function lockedPlatform(project: LayoutProject, tool: string): LockedPlatform | undefined {
  const lock = parseLock(readFileSync(join(project.dir, "oras.lock.json"), "utf8"), "lock");
  return lock.tools[tool]?.platforms.any;
}

test("lock add: the file with the tool's name is the executable", async () => {
  const project = await layoutProject();
  await publish(project, "age", { "age/age": elf, "age/age-keygen": elf, "age/LICENSE": data, "age/._age": data });
  await publish(project, "clang", { "bin/clang-17": elf, "bin/clang": { link: "clang-17" }, "bin/lld": elf });
  for (const [tool, path] of [
    ["age", "age/age"],
    ["age-keygen", "age/age-keygen"],
    ["clang", "bin/clang"],
  ] as const) {
    const added = await project.oras(["lock", "add", tool, `oci:layout:${tool.split("-")[0]}`]);
    expect(added.exitCode, added.stderr).toBe(0);
    expect(added.stderr).not.toContain("executable");
    expect(lockedPlatform(project, tool)?.layers[0]?.executable).toBe(path);
  }
});

test("lock add: no clear choice is said, with the candidates, and `--executable` chooses; `lock update` keeps it", async () => {
  const project = await layoutProject();
  await publish(project, "uv", { "uv-1.0/uv": elf, "uv-1.0/uvx": elf });
  const unclear = await project.oras(["lock", "add", "tools", "oci:layout:uv"]);
  expect(unclear.exitCode, unclear.stderr).toBe(0);
  expect(unclear.stderr).toMatch(
    /without an executable: no file is named tools.*uv-1\.0\/uv, uv-1\.0\/uvx.*--executable/s,
  );
  expect(lockedPlatform(project, "tools")?.layers[0]?.executable).toBeUndefined();

  const wrong = await project.oras(["lock", "add", "tools", "oci:layout:uv", "--executable", "bin/uv"]);
  expect(wrong.exitCode).toBe(66);
  expect(wrong.stderr).toMatch(/no file "bin\/uv"[\s\S]*uv-1\.0\/uv, uv-1\.0\/uvx/);

  const chosen = await project.oras(["lock", "add", "tools", "oci:layout:uv", "--executable", "uvx"]);
  expect(chosen.exitCode, chosen.stderr).toBe(0);
  expect(chosen.stderr).not.toContain("executable");
  expect(lockedPlatform(project, "tools")?.layers[0]?.executable).toBe("uv-1.0/uvx");
  await publish(project, "uv", { "uv-1.1/uv": elf, "uv-1.1/uvx": elf });
  const updated = await project.oras(["lock", "update"]);
  expect(updated.exitCode, updated.stderr).toBe(0);
  expect(lockedPlatform(project, "tools")?.layers[0]?.executable).toBe("uv-1.1/uvx");
  expect((await project.oras(["lock", "check", "--online"])).exitCode).toBe(0);
});

test("lock add: several layers, of which the name, the only binary or --executable is the tool", async (context) => {
  const program = requireProgram(context, "oras");
  const project = await layoutProject();
  write(project.dir, { age: elf, "age-keygen": elf, "libx.so.1": elf, "install.sh": "#!/bin/sh\n" });
  const oras = (...args: readonly string[]) => execFileSync(program, args, { cwd: project.dir, stdio: "pipe" });
  oras("push", "--oci-layout", "layout:both", "age", "age-keygen");
  oras("push", "--oci-layout", "layout:one", "age", "libx.so.1", "install.sh");
  await project.oras(["lock", "add", "age", "oci:layout:both"]);
  expect(lockedPlatform(project, "age")?.layers.map(({ executable }) => executable)).toEqual(["age", "age-keygen"]);
  expect(lockedPlatform(project, "age")?.executable).toBeUndefined();
  await project.oras(["lock", "add", "keys", "oci:layout:both", "--executable", "age-keygen"]);
  expect(lockedPlatform(project, "keys")?.executable).toBe("age-keygen");
  await project.oras(["lock", "add", "one", "oci:layout:one"]);
  expect(lockedPlatform(project, "one")?.executable).toBe("age");
  expect(lockedPlatform(project, "one")?.layers.map(({ executable }) => executable)).toEqual([
    "age",
    false,
    "install.sh",
  ]);
});

test("lock add: the publisher's annotation decides; a path that is not there is said", async () => {
  const project = await layoutProject();
  await publish(project, "1", { "x/a": elf, "x/b": elf });
  for (const [path, expected] of [
    ["x/b", "x/b"],
    ["x/c", undefined],
  ] as const) {
    const annotation = `dev.buck2-oras.executable=${path}`;
    await project.oras(["push", "oci:layout:2", "1.tar.gz", "--annotation", annotation]);
    const added = await project.oras(["lock", "add", "tool", "oci:layout:2"]);
    expect(lockedPlatform(project, "tool")?.layers[0]?.executable).toBe(expected);
    if (expected === undefined)
      expect(added.stderr).toMatch(/names the executable "x\/c", which is not among the files/);
  }
});

test("a zip that is a program stays one file: in the lock, and for `pull --extract`", async () => {
  const project = await layoutProject();
  const jar = rawZip({ name: "META-INF/MANIFEST.MF", body: "Main-Class: Main\n" });
  for (const name of ["tool.jar", "tool.zip"]) {
    writeFileSync(join(project.dir, name), jar);
    await project.oras(["push", `oci:layout:${name}`, name]);
    await project.oras(["lock", "add", name, `oci:layout:${name}`]);
  }
  expect(lockedPlatform(project, "tool.jar")?.layers[0]).toMatchObject({ format: "raw", executable: false });
  expect(lockedPlatform(project, "tool.zip")?.layers[0]).toMatchObject({ format: "zip" });
  const pulled = await project.oras(["pull", "oci:layout:tool.jar", "-o", "out", "--extract"]);
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  expect(readFileSync(join(project.dir, "out/tool.jar"))).toEqual(jar);
});

test("lock add --format: an archive stays one file, and the option is kept; other bytes are refused", async () => {
  const project = await layoutProject();
  writeFileSync(join(project.dir, "data.zip"), rawZip({ name: "a", body: "b" }));
  await project.oras(["push", "oci:layout:1", "data.zip"]);
  const added = await project.oras(["lock", "add", "data", "oci:layout:1", "--format", "raw"]);
  expect(added.exitCode, added.stderr).toBe(0);
  expect(lockedPlatform(project, "data")?.layers[0]).toMatchObject({ format: "raw", title: "data.zip" });
  expect((await project.oras(["lock", "update", "--json"])).stdout).toContain('"unchanged"');
  expect((await project.oras(["lock", "check"])).exitCode).toBe(0);
  const wrong = await project.oras(["lock", "add", "data", "oci:layout:1", "--format", "tar.gz"]);
  expect(wrong.exitCode).toBe(64);
  expect(wrong.stderr).toMatch(/data\.zip has the format zip, not tar\.gz/);
  expect((await project.oras(["lock", "add", "data", "oci:layout:1", "--format", "rpm"])).exitCode).toBe(64);
});

test("lock add --platform: the named platforms alone, kept by `lock update`; one that is not there is named", async () => {
  const project = await layoutProject();
  const add = (...args: readonly string[]) => project.oras(["lock", "add", "tool", "oci:layout:1.0", ...args]);
  expect((await add("--platform", "linux-x86_64")).exitCode).toBe(0);
  await project.oras(["lock", "update"]);
  const { tools } = parseLock(readFileSync(join(project.dir, "oras.lock.json"), "utf8"), "lock");
  expect(Object.keys(tools.tool?.platforms ?? {})).toEqual(["linux-x86_64"]);
  expect((await project.oras(["lock", "check", "--online"])).exitCode).toBe(0);
  const missing = await add("--platform", "windows-x86_64");
  expect(missing.exitCode).toBe(66);
  expect(missing.stderr).toMatch(/windows-x86_64 not found[\s\S]*linux-x86_64/);
});

test("tar.xz is unpacked; bzip2 and an archive compressed twice are refused by name, in the lock and by pull --extract", async (context) => {
  const project = await layoutProject();
  requireProgram(context, "xz");
  write(project.dir, { "packed/t-1/tool": elf, "packed/t-1/README": data });
  const tar = (...args: readonly string[]) => execFileSync("tar", args, { cwd: project.dir });
  tar("-cJf", "tool.tar.xz", "-C", "packed", "t-1");
  tar("-czf", "tool.tar.gz", "-C", "packed", "t-1");
  writeFileSync(join(project.dir, "twice.gz"), gzipSync(readFileSync(join(project.dir, "tool.tar.gz"))));
  const block = Buffer.from("314159265359", "hex");
  writeFileSync(join(project.dir, "tool.tar.bz2"), Buffer.concat([Buffer.from("BZh9"), block, Buffer.alloc(50)]));
  writeFileSync(join(project.dir, "tool.deb"), "!<arch>\ndebian-binary");
  for (const name of ["tool.tar.xz", "twice.gz", "tool.tar.bz2", "tool.deb"]) {
    await project.oras(["push", `oci:layout:${name}`, name, "--compression", "none"]);
  }
  const added = await project.oras(["lock", "add", "tool", "oci:layout:tool.tar.xz"]);
  expect(added.exitCode, added.stderr).toBe(0);
  expect(lockedPlatform(project, "tool")?.layers[0]).toMatchObject({ format: "tar.xz", executable: "t-1/tool" });
  const pulled = await project.oras(["pull", "oci:layout:tool.tar.xz", "-o", "out", "--extract"]);
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  expect(readFileSync(join(project.dir, "out/t-1/tool"))).toEqual(elf);

  for (const [tag, message] of [
    ["tool.tar.bz2", /"tool\.tar\.bz2" is compressed by bzip2/],
    ["twice.gz", /gzip inside gzip/],
    ["tool.deb", /"tool\.deb" is an ar archive, such as a Debian package/],
  ] as const) {
    const refused = await project.oras(["lock", "add", "x", `oci:layout:${tag}`]);
    expect(refused.exitCode, tag).toBe(65);
    expect(refused.stderr).toMatch(message);
    const kept = await project.oras(["lock", "add", "x", `oci:layout:${tag}`, "--format", "raw"]);
    expect(kept.exitCode, kept.stderr).toBe(0);
  }
  const extracted = await project.oras(["pull", "oci:layout:tool.tar.bz2", "-o", "out2", "--extract"]);
  expect(extracted.exitCode).toBe(65);
  expect(extracted.stderr).toContain("bzip2");
  const single = await project.oras(["extract", "packed/t-1/README", "--single", "-o", "out3"]);
  expect(single.stderr).toMatch(/README is not compressed/);
});
