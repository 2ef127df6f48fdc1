/** Archives on Windows, as far as Wine is Windows: names, lengths and links. */
import { execFileSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { alongside } from "../support/test-end.ts";
import { requireWindows } from "../support/wine.ts";

const tool = "MZ a program\n";

test.concurrent(
  "windows: an archive with names that Windows cannot have is locked, and is not unpacked",
  alongside(async (context: TestContext) => {
    const { dir, oras } = requireWindows(context);
    const archives: Readonly<Record<string, readonly [tar: Buffer, why: RegExp]>> = {
      stream: [rawTar({ name: "tool.exe", body: tool }, { name: "tool.exe:ads", body: "x" }), /has a colon/],
      device: [rawTar({ name: "tool.exe", body: tool }, { name: "NUL", body: "x" }), /named like a device/],
      dot: [rawTar({ name: "tool.exe", body: tool }, { name: "lib./x", body: "x" }), /ends in a dot/],
      link: [rawTar({ name: "tool.exe", body: tool }, { name: "l", type: "2", linkname: "C:" }), /has a colon/],
      files: [rawTar({ name: "Tool.exe", body: tool }, { name: "tool.exe", body: "x" }), /takes for that of another/],
      folders: [
        rawTar({ name: "Lib/tool.exe", body: tool }, { name: "lib/x", body: "x" }),
        /takes for that of another/,
      ],
      hard: [
        rawTar({ name: "tool.exe", body: tool }, { name: "TOOL.exe", type: "1", linkname: "tool.exe" }),
        /takes for that of another/,
      ],
      soft: [
        rawTar({ name: "tool.exe", body: tool }, { name: "TOOL.exe", type: "2", linkname: "gone" }),
        /takes for that of another/,
      ],
    };
    for (const [name, [tar, why]] of Object.entries(archives)) {
      writeFileSync(join(dir, `${name}.tar`), tar);
      const ran = await oras(["extract", `${name}.tar`, "-o", "out"]);
      expect(ran, `${name}: ${ran.stderr}`).toMatchObject({ exitCode: 65 });
      expect(ran.stderr, name).toMatch(why);
      expect(ran.stderr).toContain("hint: unpack it on a system that can have such names");
      expect(readdirSync(dir).filter((file) => !file.endsWith(".tar") && !/^\.(?:preset|std)/.test(file))).toEqual([]);
    }
    for (const name of ["stream", "files"]) {
      expect((await oras(["push", `oci:lay:${name}`, `${name}.tar`])).exitCode).toBe(0);
      const locked = await oras(["lock", "add", name, `oci:lay:${name}`, "--executable", "tool.exe"]);
      expect(locked.exitCode, locked.stderr).toBe(0);
    }
  }),
);

test.concurrent(
  "windows: an archive with paths of more than 260 characters is unpacked, twice",
  alongside(async (context: TestContext) => {
    const { dir, oras } = requireWindows(context);
    const deep = Array.from({ length: 5 }, (_, index) => `${index}`.repeat(100)).join("/");
    mkdirSync(join(dir, "kit", deep), { recursive: true });
    writeFileSync(join(dir, "kit", deep, "file"), "text");
    execFileSync("tar", ["-C", join(dir, "kit"), "-cf", join(dir, "kit.tar"), "."]);
    for (const round of ["into nothing", "over itself"]) {
      const ran = await oras(["extract", "kit.tar", "-o", "out"]);
      expect(ran.exitCode, `${round}: ${ran.stderr}`).toBe(0);
      expect(readFileSync(join(dir, "out", deep, "file"), "utf8")).toBe("text");
    }
  }),
);

/** Windows without Developer Mode; Wine itself creates nothing, and reports no error. */
const noLinks = `
const promises = require("node:fs/promises");
promises.symlink = async () => {
  throw Object.assign(new Error("EPERM: operation not permitted, symlink"), { code: "EPERM", syscall: "symlink" });
};`;

test.concurrent(
  "windows: without the right to create links, a link to a file becomes a file, and one to a folder is refused",
  alongside(async (context: TestContext) => {
    const { dir, oras } = requireWindows(context, noLinks);
    mkdirSync(join(dir, "kit/bin"), { recursive: true });
    writeFileSync(join(dir, "kit/bin/clang-17.exe"), tool);
    symlinkSync("clang-17.exe", join(dir, "kit/bin/clang.exe"));
    execFileSync("tar", ["-C", join(dir, "kit"), "-cf", join(dir, "files.tar"), "."]);
    const files = await oras(["extract", "files.tar", "-o", "files"]);
    expect(files.exitCode, files.stderr).toBe(0);
    expect(readFileSync(join(dir, "files/bin/clang.exe"), "utf8")).toBe(tool);
    symlinkSync("bin", join(dir, "kit/link"));
    execFileSync("tar", ["-C", join(dir, "kit"), "-cf", join(dir, "folders.tar"), "."]);
    const folders = await oras(["extract", "folders.tar", "-o", "folders"]);
    expect(folders.exitCode).toBe(74);
    expect(folders.stderr).toMatch(
      /error\[PERMISSION_DENIED\]: .*link link: .*refuses links[\s\S]*hint: enable the Developer Mode/,
    );
    expect(existsSync(join(dir, "folders"))).toBe(false);
  }),
);
