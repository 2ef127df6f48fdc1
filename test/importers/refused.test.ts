/** What `import` refuses: sources that are none, clients that are missing, and registries that lie or are in trouble. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { rawZip } from "../archive/raw-zip.ts";
import { temporaryFolder } from "../support/folders.ts";
import { importDesk } from "../support/import-desk.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

describe("what cannot be imported", () => {
  test.each([
    ["rubygems:x@1", /names no known source[\s\S]*pypi:…/],
    ["pypi:x", /write pypi:x@VERSION[\s\S]*`python3 -m pip index versions x`/],
    ["pypi:x>=1", /write pypi:x@VERSION/],
    ["maven:g:a", /write maven:g:a:VERSION:exe/],
    ["maven:x", /write maven:GROUP:ARTIFACT:VERSION:exe/],
    ["npm:@x/y", /write npm:@x\/y@VERSION/],
    ["npm:x@^1", /write npm:x@VERSION/],
    ["npm:x@latest", /write npm:x@VERSION, with the exact version/],
    ["go:x/cmd", /write go:MODULE\/PACKAGE@vVERSION/],
    ["pypi:--index-url=x@1", /write pypi:NAME@VERSION/],
    ["go:-toolexec@v1", /write go:/],
    ["go:example.com/../x@v1.0.0", /write go:/],
    ["maven:g:..:1.0", /write maven:/],
    ["npm:x.tgz@1.0.0", /write npm:NAME@VERSION/],
    ["npm:x@1.0.0-y.tgz", /write npm:x@VERSION/],
    ["pypi:x@-r", /write pypi:/],
  ])("%s is a usage error that says how to write it", async (source, message) => {
    const ran = await importDesk().call(["import", source, "oci:layout:1"]);
    expect(ran.exitCode, ran.stderr).toBe(64);
    expect(ran.stderr).toMatch(message);
  });

  test.each([
    ["oci:layout", "REFERENCE_INVALID"],
    ["tools/x", "REGISTRY_NOT_NAMED"],
  ])("into %s: refused before anything is fetched", async (destination, code) => {
    const ran = await importDesk().call(["import", "file:nowhere", destination]);
    expect(ran.exitCode, ran.stderr).toBe(64);
    expect(ran.stderr).toContain(`error[${code}]`);
  });

  test.each([
    ["pypi:x@1", "python3"],
    ["maven:g:a:1", "mvn"],
    ["npm:x@1.0.0", "npm"],
    ["go:example.com/x@v1.0.0", "go"],
  ])("%s without its client says which it is and how to get it", async (source, program) => {
    const ran = await importDesk().call(["import", source, "oci:layout:1"], {
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
    const { call } = importDesk();
    const run = (source: string) => call(["import", source, "oci:layout:1", "--platform", "linux-x86_64"], { env });
    const empty = await run("pypi:nothing@1.0");
    expect(empty.exitCode, empty.stderr).toBe(65);
    expect(empty.stderr).toContain("contains no native program");
    sum = "0".repeat(64);
    const wrong = await run("pypi:nothing@1.0");
    expect(wrong.exitCode, wrong.stderr).toBe(65);
    expect(wrong.stderr).toMatch(/IMPORT_CONTENT_INVALID\]: python3 refuses/);
    const missing = await run("pypi:absent@1.0");
    expect(missing.exitCode, missing.stderr).toBe(66);
    expect(missing.stderr).toContain("there is no package pypi:absent\n");
    for (const source of ["pypi:nothing@1.5", "pypi:nothing==1.5"]) {
      const wrong = await run(source);
      expect(wrong.exitCode, wrong.stderr).toBe(66);
      expect(wrong.stderr).toContain(
        "pypi:nothing has no version 1.5\n  hint: choose an existing version; the newest are 1.0",
      );
    }
  });

  test.each([401, 403, 503])(
    "an index that answers %i is in trouble, and says nothing of what exists",
    async (status) => {
      const server = await startServer((_request, response) => response.writeHead(status).end());
      const env = { PIP_INDEX_URL: `http://${server.host}/simple`, PIP_CONFIG_FILE: "/dev/null", PIP_RETRIES: "0" };
      const ran = await importDesk().call(["import", "pypi:tool@1.0", "oci:layout:1"], { env });
      expect(ran.exitCode, ran.stderr).toBe(69);
      expect(ran.stderr).toMatch(/IMPORT_FAILED\]: python3 could not provide tool==1\.0 for linux-x86_64/);
      expect(ran.stderr).toContain(String(status));
    },
  );

  test.each([
    ["pypi:tool@1.0", "python3"],
    ["npm:tool@1.0.0", "npm"],
  ])("%s from a registry that nobody reaches: the hint names the network", async (source, client) => {
    const nobody = "http://127.0.0.1:1/";
    const ran = await importDesk().call(["import", source, "oci:layout:1"], {
      env: {
        PIP_INDEX_URL: nobody,
        PIP_CONFIG_FILE: "/dev/null",
        PIP_FIND_LINKS: "",
        PIP_RETRIES: "0",
        npm_config_registry: nobody,
        npm_config_cache: temporaryFolder(),
        npm_config_fetch_retries: "0",
      },
    });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain(
      `hint: check the network, the proxy, and the address in the configuration of ${client}`,
    );
  });

  test.skipIf(process.platform === "win32")("mvn names the unknown host late in its output", async () => {
    const dir = temporaryFolder();
    const said = [
      "[ERROR] Failed to execute goal …:copy: Unable to resolve artifact.",
      "[ERROR] g:a:exe:1",
      "[ERROR] ",
      "[ERROR] from the specified remote repositories:",
      "[ERROR]   central (https://repository.example): Unknown host repository.example",
    ];
    writeFileSync(
      join(dir, "mvn"),
      `#!/bin/sh\nprintf '%s\\n' ${said.map((line) => `'${line}'`).join(" ")}\nexit 1\n`,
      {
        mode: 0o755,
      },
    );
    const env = { PATH: `${dir}${delimiter}${process.env.PATH ?? ""}` };
    const ran = await importDesk().call(["import", "maven:g:a:1", "oci:layout:1"], { env });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain("hint: check the network, the proxy, and the address in the configuration of mvn");
  });

  test("npm: after the failure of one package, nobody waits for the others", async (context) => {
    requireProgram(context, "npm");
    const server = await startServer((request, response) => {
      const name = request.url.slice(1);
      if (name === "tool-linux-x64") return void response.writeHead(500).end();
      // Never answered; npm waits for five minutes.
      if (name !== "tool") return;
      const dist = { tarball: `http://${server.host}/tool.tgz` };
      const optionalDependencies = { "tool-linux-x64": "1.0.0", "tool-linux-arm64": "1.0.0" };
      const versions = { "1.0.0": { name, version: "1.0.0", dist, optionalDependencies } };
      response.end(JSON.stringify({ name, "dist-tags": { latest: "1.0.0" }, versions }));
    });
    const env = {
      npm_config_registry: `http://${server.host}/`,
      npm_config_cache: temporaryFolder(),
      npm_config_fetch_retries: "0",
    };
    const ran = await importDesk().call(["import", "npm:tool@1.0.0", "oci:layout:1"], { env });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toContain("npm could not provide tool-linux-x64@1.0.0");
  });

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
      const { call } = importDesk();
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
