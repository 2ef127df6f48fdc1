/** The executable on Windows, as far as Wine is Windows. docs/platforms.md names the rest. */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, type TestContext, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { alongside } from "../support/test-end.ts";
import { endWine, requireWindows, type Windows, windowsPath } from "../support/wine.ts";

afterAll(endWine);

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

/** A program as a `.cmd` file, in a folder of its own. */
function cmdFile(path: string, lines: readonly string[]): string {
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, ["@echo off", ...lines, ""].join("\r\n"));
  return windowsPath(join(path, ".."));
}

test.concurrent(
  "windows: a credential helper may be a .cmd file of the PATH, and is never one of the working folder",
  alongside(async (context: TestContext) => {
    const { dir, oras } = requireWindows(context);
    const wanted = `Basic ${Buffer.from("me:secret").toString("base64")}`;
    const server = await startServer(({ headers }, response) => {
      response.writeHead(headers.authorization === wanted ? 200 : 401, { "www-authenticate": 'Basic realm="x"' });
      response.end(JSON.stringify({ name: "x/y", tags: ["1"] }));
    });
    mkdirSync(join(dir, "docker"));
    writeFileSync(join(dir, "docker/config.json"), JSON.stringify({ credsStore: "test" }));
    const helper = ['echo {"Username":"me","Secret":"secret"}'];
    const folder = cmdFile(join(dir, "some programs & more/docker-credential-test.cmd"), helper);
    const env = { DOCKER_CONFIG: windowsPath(join(dir, "docker")) };
    const found = await oras(["list", `${server.host}/x/y`], { ...env, PATH: `C:\\none;"${folder}"` });
    expect(found.stdout, found.stderr).toBe("1\n");
    cmdFile(join(dir, "docker-credential-test.cmd"), ["echo x > RAN", ...helper]);
    for (const PATH of ["C:\\windows", ".", "", `${windowsPath(dir).slice(0, 2)}`]) {
      const ran = await oras(["list", `${server.host}/x/y`], { ...env, PATH });
      expect(ran.exitCode, `PATH=${PATH}: ${ran.stdout}`).toBe(78);
      expect(ran.stderr).toContain("CREDENTIAL_HELPER_FAILED");
    }
    expect(existsSync(join(dir, "RAN"))).toBe(false);
  }),
);

test.concurrent(
  "windows: npm.cmd is started, gets its arguments whole, and a checkout's npm.cmd never is",
  alongside(async (context: TestContext) => {
    const { dir, node, oras } = requireWindows(context);
    writeFileSync(join(dir, "npm.mjs"), "console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 3;");
    const folder = cmdFile(join(dir, "npm & co/npm.cmd"), [
      `"${node}" "${windowsPath(join(dir, "npm.mjs"))}" %*`,
      "exit /b %ERRORLEVEL%",
    ]);
    cmdFile(join(dir, "npm.cmd"), ["echo x > RAN"]);
    const missing = await oras(["import", "npm:esbuild@0.25.0", "oci:lay:1"], { PATH: "C:\\windows\\system32" });
    expect(missing.stderr).toContain("error[IMPORT_CLIENT_NOT_FOUND]: npm was not found");
    const ran = await oras(["import", "npm:esbuild@0.25.0", "oci:lay:1", "-v"], {
      PATH: `${folder};C:\\windows\\system32`,
    });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain("exit code 3");
    expect(ran.stderr).toContain('"--","esbuild@0.25.0"');
    const hostile = await oras(["import", "npm:es%PATH%build@1.0.0", "oci:lay:1"], {
      PATH: `${folder};C:\\windows\\system32`,
    });
    expect(hostile.exitCode, hostile.stderr).not.toBe(0);
    expect(hostile.stderr).not.toContain("system32");
    expect(existsSync(join(dir, "RAN"))).toBe(false);
  }),
);

test.concurrent(
  "windows: a client that outlives its time does not hide the end, and its folder is named",
  alongside(async (context: TestContext) => {
    const { dir, node, oras } = requireWindows(context);
    const folder = cmdFile(join(dir, "bin/npm.cmd"), [`"${node}" -e "setTimeout(() => {}, 8000)"`]);
    const env = { PATH: `${folder};C:\\windows\\system32` };
    const ran = await oras(["import", "npm:esbuild@0.25.0", "oci:lay:1", "--timeout", "2"], env);
    expect(ran.exitCode, ran.stderr).toBe(75);
    expect(ran.stderr).toContain("error[TIMED_OUT]");
  }),
);

test.concurrent(
  "windows: run and shim start a locked tool, a .cmd file too, and pass arguments and exit code",
  alongside(async (context: TestContext) => {
    const { dir, node, run, oras } = requireWindows(context);
    mkdirSync(join(dir, "kit/bin"), { recursive: true });
    writeFileSync(
      join(dir, "kit/bin/args.cjs"),
      "console.log(JSON.stringify(process.argv.slice(2))); process.exit(7);",
    );
    cmdFile(join(dir, "kit/bin/tool.cmd"), [`"${node}" "%~dp0args.cjs" %*`, "exit /b %ERRORLEVEL%"]);
    const env = { BUCK2_ORAS_TOOLS_DIR: windowsPath(join(dir, "tools")) };
    expect((await oras(["push", "oci:lay:kit", "kit"])).exitCode).toBe(0);
    const added = await oras(["lock", "add", "tool", "oci:lay:kit", "--executable", "bin/tool.cmd"]);
    expect(added.exitCode, added.stderr).toBe(0);
    const ran = await oras(["run", "tool", "--", "a b", "c & d"], env);
    expect(ran.exitCode, ran.stderr).toBe(7);
    expect(ran.stdout).toContain('["a b","c & d"]');
    const unsafe = await oras(["run", "tool", "--", "%PATH%"], env);
    expect(unsafe.exitCode, unsafe.stdout).toBe(74);
    expect(unsafe.stderr).toContain("cannot be passed to a .cmd file");
    const shims = await oras(["shim", "shims"], env);
    expect(shims.exitCode, shims.stderr).toBe(0);
    const shim = await run(["cmd", "/c", "shims\\tool.cmd", "a b"], {
      ...env,
      BUCK2_ORAS_CACHE_DIR: windowsPath(join(dir, "cache")),
    });
    expect(shim.exitCode, shim.stderr).toBe(7);
    expect(shim.stdout).toContain('["a b"]');
  }),
);

test.concurrent(
  "windows: the launcher runs Node of the PATH or of BUCK2_ORAS_NODE, and never of the working folder",
  alongside(async (context: TestContext) => {
    const { dir, node, run } = requireWindows(context);
    const launcher = windowsPath(join(import.meta.dirname, "../../tools/run-node.cmd"));
    writeFileSync(join(dir, "args.cjs"), "console.log(JSON.stringify(process.argv.slice(2))); process.exitCode = 7;");
    const args = ["cmd", "/c", launcher, windowsPath(join(dir, "args.cjs")), "a b", "c & d", "-x=1"];
    const path = node.slice(0, node.lastIndexOf("\\"));
    for (const env of [
      { WINEPATH: path },
      { BUCK2_ORAS_NODE: node },
      { BUCK2_ORAS_NODE: node.replaceAll("\\", "/") },
    ]) {
      const ran = await run(args, env);
      expect(ran.exitCode, ran.stderr).toBe(7);
      expect(ran.stdout).toContain('["a b","c & d","-x=1"]');
    }
    writeFileSync(join(dir, "node.exe"), "MZ");
    for (const env of [{}, { BUCK2_ORAS_NODE: ".\\none\\node.exe" }]) {
      const missing = await run(args, env);
      expect(missing.exitCode, missing.stderr).toBe(69);
      expect(missing.stderr).toContain("error[NODE_NOT_FOUND]");
    }
  }),
);
