/** Programs that the executable starts on Windows, as far as Wine is Windows: clients, credential helpers, locked tools. */
import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, type TestContext, test } from "vitest";
import { startServer } from "../support/registry/server.ts";
import { alongside } from "../support/test-end.ts";
import { requireWindows, windowsPath } from "../support/wine.ts";

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
