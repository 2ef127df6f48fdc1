/** The executable on Windows, as far as Wine is Windows: files, folders and settings. docs/platforms.md names the rest. */
import { chmodSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { sha256 } from "../support/layout-project.ts";
import { alongside } from "../support/test-end.ts";
import { requireWindows, type Windows, windowsPath } from "../support/wine.ts";

const tool = "MZ a program\n";

/** A layout `lay` with a file (`:file`) and a folder (`:kit`). */
async function withLayout(windows: Windows): Promise<Windows> {
  mkdirSync(join(windows.dir, "kit/bin"), { recursive: true });
  writeFileSync(join(windows.dir, "kit/bin/tool.exe"), tool);
  writeFileSync(join(windows.dir, "tool.exe"), tool);
  for (const [tag, path] of Object.entries({ file: "tool.exe", kit: "kit" })) {
    const pushed = await windows.oras(["push", `oci:lay:${tag}`, path]);
    expect(pushed.exitCode, pushed.stderr).toBe(0);
  }
  return windows;
}

test.concurrent(
  "windows: push, list, pull, lock, doctor and clear-cache work, with drives and backslashes in references",
  alongside(async (context: TestContext) => {
    const { dir, oras } = await withLayout(requireWindows(context));
    const layout = windowsPath(join(dir, "lay"));
    const list = await oras(["list", `oci:${layout}`]);
    expect(list.stdout, list.stderr).toBe("file\nkit\n");
    const pulled = await oras(["pull", `oci:${layout}:file`, "-o", windowsPath(join(dir, "out"))]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(pulled.stderr).toContain(`Digest: ${sha256(tool)}`);
    expect(readFileSync(join(dir, "out/tool.exe"), "utf8")).toBe(tool);
    expect((await oras(["pull", "oci:lay:kit", "-o", "out"])).exitCode).toBe(0);
    expect(readFileSync(join(dir, "out/kit/bin/tool.exe"), "utf8")).toBe(tool);
    expect((await oras(["lock", "add", "tool", "oci:lay:kit"])).exitCode).toBe(0);
    expect((await oras(["lock", "check", "--online"])).stdout).toContain("is up to date");
    const lock = readFileSync(join(dir, "oras.lock.json"), "utf8");
    expect(lock).toContain('"executable": "kit/bin/tool.exe"');
    expect(lock).toContain('"repository": "oci:lay"');
    expect(lock).not.toMatch(/\\|\r/);
    expect((await oras(["doctor", "oci:lay:file"])).exitCode).toBe(0);
    expect((await oras(["clear-cache"])).stdout).toMatch(/^Removed [1-9]/);
  }),
);

test.concurrent(
  "windows: a read-only file of the output is replaced, and a damaged one of the cache is repaired",
  alongside(async (context: TestContext) => {
    const { dir, oras } = await withLayout(requireWindows(context));
    mkdirSync(join(dir, "out"));
    writeFileSync(join(dir, "out/tool.exe"), "old");
    chmodSync(join(dir, "out/tool.exe"), 0o444);
    const pulled = await oras(["pull", "oci:lay:file", "-o", "out"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readFileSync(join(dir, "out/tool.exe"), "utf8")).toBe(tool);
    const blob = join(dir, "cache/oras", sha256(tool).slice(7, 9), sha256(tool).slice(7));
    chmodSync(blob, 0o644);
    writeFileSync(blob, tool.toUpperCase());
    expect((await oras(["pull", "oci:lay:file", "-o", "again"])).exitCode).toBe(0);
    expect(readFileSync(join(dir, "again/tool.exe"), "utf8")).toBe(tool);
  }),
);

test.concurrent(
  "windows: an output that only Node could make or remove is refused",
  alongside(async (context: TestContext) => {
    const { dir, oras } = await withLayout(requireWindows(context));
    const before = readdirSync(dir);
    for (const output of ["NUL", "a/aux.txt/b", "out.", "tool:stream", "C:\\lpt1"]) {
      const ran = await oras(["pull", "oci:lay:kit", "-o", output]);
      expect(ran.exitCode, `${output}: ${ran.stderr}`).toBe(64);
      expect(ran.stderr).toContain("hint: choose another name for the output");
    }
    const digest = sha256(tool);
    const blob = await oras(["blob", `oci:lay@${digest}`, "--size", "13", "-o", "out.exe:hidden"]);
    expect(blob.stderr).toContain("a drive or a stream on Windows");
    expect(readdirSync(dir).filter((name) => !before.includes(name))).toEqual([]);
  }),
);

test.concurrent(
  "windows: a file that a virus scanner holds for a moment is replaced after it",
  alongside(async (context: TestContext) => {
    const busy = `
const promises = require("node:fs/promises");
const { rename } = promises;
let refusals = 3;
promises.rename = async (from, to) => {
  if (/tool\\.exe$/.test(to) && refusals-- > 0)
    throw Object.assign(new Error("EPERM: operation not permitted, rename"), { code: "EPERM", syscall: "rename" });
  await rename(from, to);
};`;
    const { dir, oras } = await withLayout(requireWindows(context, busy));
    const pulled = await oras(["pull", "oci:lay:file", "-o", "out"]);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readFileSync(join(dir, "out/tool.exe"), "utf8")).toBe(tool);
  }),
);

test.concurrent(
  "windows: settings and cache are below APPDATA and LOCALAPPDATA",
  alongside(async (context: TestContext) => {
    const { dir, oras } = await withLayout(requireWindows(context));
    const [roaming, local] = [join(dir, "roaming"), join(dir, "local")];
    mkdirSync(join(roaming, "buck2-oras"), { recursive: true });
    writeFileSync(join(roaming, "buck2-oras/config.json"), JSON.stringify({ concurrency: 7 }));
    const env = { APPDATA: windowsPath(roaming), LOCALAPPDATA: windowsPath(local), BUCK2_ORAS_CACHE_DIR: "" };
    const config = JSON.parse((await oras(["config", "--json"], env)).stdout);
    expect(JSON.stringify(config)).toContain("roaming\\\\buck2-oras\\\\config.json");
    expect((await oras(["pull", "oci:lay:file"], env)).stdout).toContain(
      windowsPath(join(local, "buck2-oras", "oras")),
    );
  }),
);
