/** Go modules that are not for every platform, that want cgo, or that Go does not install. */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { rawZip } from "../archive/raw-zip.ts";
import { goProxy, modulePath } from "../support/go-proxy.ts";
import { importDesk } from "../support/import-desk.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

interface Module {
  readonly files?: Readonly<Record<string, string>>;
  readonly directives?: string;
}

type Import = (...options: string[]) => Promise<Ran>;

/** An import of the module for Linux and Windows. */
function importer(context: Skippable, { files, directives }: Module): Import {
  const go = requireProgram(context, "go");
  const { dir, call } = importDesk();
  // Go makes its modules' folders read-only.
  onTestFinished(() => void execFileSync("chmod", ["-R", "u+w", dir]));
  const cache = execFileSync(go, ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  const env = { GOPATH: join(dir, "gopath"), GOCACHE: cache, GOPROXY: goProxy(dir, files, directives), GOSUMDB: "off" };
  const platforms = ["--platform", "linux-x86_64", "--platform", "windows-x86_64"];
  const always = ["import", `go:${modulePath}@v1.0.0`, "oci:layout:1", ...platforms, "--compression", "zstd:1"];
  return (...options) => call([...always, ...options], { env });
}

const main = 'package main\n\nfunc main() { println("hello") }\n';

test.for<[string, Readonly<Record<string, string>>]>([
  ["has no code", { "main.go": `//go:build !windows\n\n${main}` }],
  ["does not compile", { "main.go": main, "x_windows.go": "package main\n\nvar x = undefined\n" }],
])("a platform for which the module %s is named, and left out where asked", async ([, files], context) => {
  const run = importer(context, { files });
  const refused = await run();
  expect(refused.exitCode, refused.stderr).toBe(65);
  expect(refused.stderr).toContain(`${modulePath}@v1.0.0 cannot be built for windows-x86_64`);
  expect(refused.stderr).toContain("leave out such platforms with --skip-unavailable");
  const rest = await run("--skip-unavailable");
  expect(rest.exitCode, rest.stderr).toBe(0);
  expect(rest.stderr).toContain("warning: example.com/tool@v1.0.0 cannot be built for windows-x86_64");
  expect(rest.stderr).toContain("Not available for: windows-x86_64");
});

test("a module that is built for no platform is refused, whatever may be left out", async (context) => {
  const run = importer(context, { files: { "main.go": `//go:build plan9\n\n${main}` } });
  const refused = await run("--skip-unavailable");
  expect(refused.exitCode, refused.stderr).toBe(65);
  expect(refused.stderr).toContain("cannot be built for windows-x86_64");
});

test("code in place of code with cgo is told", async (context) => {
  const stub = 'package lib\n\nfunc Hello() { panic("needs cgo") }\n';
  const files = {
    "main.go": `package main\n\nimport "${modulePath}/lib"\n\nfunc main() { lib.Hello() }\n`,
    "lib/cgo.go": 'package lib\n\nimport "C"\n\nfunc Hello() {}\n',
    "lib/stub.go": `//go:build !cgo\n\n${stub}`,
  };
  const ran = await importer(context, { files })();
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toContain(`warning: ${modulePath} is built without cgo, which ${modulePath}/lib can use`);
  const plain = await importer(context, {})();
  expect(plain.exitCode, plain.stderr).toBe(0);
  expect(plain.stderr).not.toContain("cgo");
});

test("a module with replaced modules, which Go does not install, is refused with a way out", async (context) => {
  const ran = await importer(context, { directives: "\nreplace example.com/a => example.com/b v1.0.0\n" })();
  expect(ran.exitCode, ran.stderr).toBe(65);
  expect(ran.stderr).toContain("the module's go.mod replaces or excludes modules");
  expect(ran.stderr).toContain("build the program in a checkout and import `file:NAME-{platform}`");
});

test.for<[string, string, string, string]>([
  ["of a higher major version", "@v2.6.0", "", "example.com/tool/v2@v2.6.0"],
  ["that states another path", "/cmd/tool@v1.0.0", "example.com/Tool", "example.com/Tool/cmd/tool@v1.0.0"],
])("a module %s is not found, and the hint has what to write", async ([, wanted, stated, written], context) => {
  requireProgram(context, "go");
  const mod = `module ${stated}\n`;
  const inZip = `${modulePath}@v1.0.0`;
  const zip = rawZip({ name: `${inZip}/go.mod`, body: mod }, { name: `${inZip}/cmd/tool/main.go`, body: main });
  const { host } = await startServer(({ url }, response) => {
    if (!url.startsWith("/example.com/tool/@v/")) return response.writeHead(404).end();
    if (url.endsWith(".mod")) return response.end(mod);
    if (url.endsWith(".zip")) return response.end(zip);
    if (url.endsWith("/list")) return response.end("v1.0.0\n");
    if (stated !== "") return response.end('{"Version":"v1.0.0"}');
    const why = 'module contains a go.mod file, so module path must match major version ("example.com/tool/v2")';
    return response
      .writeHead(404, { "content-type": "text/plain" })
      .end(`not found: example.com/tool@v2.6.0: invalid version: ${why}`);
  });
  const { dir, call } = importDesk();
  const env = { GOPATH: join(dir, "gopath"), GOPROXY: `http://${host}`, GOSUMDB: "off" };
  const ran = await call(["import", `go:${modulePath}${wanted}`, "oci:layout:1", "--platform", "linux-x86_64"], {
    env,
  });
  expect(ran.exitCode, ran.stderr).toBe(66);
  expect(ran.stderr).toContain(`hint: write go:${written};`);
});

test("a version that is not there is not found", async (context) => {
  const go = requireProgram(context, "go");
  const { dir, call } = importDesk();
  const cache = execFileSync(go, ["env", "GOCACHE"], { encoding: "utf8" }).trim();
  const env = { GOPATH: join(dir, "gopath"), GOCACHE: cache, GOPROXY: goProxy(dir), GOSUMDB: "off" };
  const ran = await call(["import", `go:${modulePath}@v9.9.9`, "oci:layout:1", "--platform", "linux-x86_64"], { env });
  expect(ran.exitCode, ran.stderr).toBe(66);
});
