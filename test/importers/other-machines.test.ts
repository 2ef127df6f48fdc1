/** Programs that a package, a repository or a user gives for another platform than they are for. */
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { describe, expect, test } from "vitest";
import { rawZip } from "../archive/raw-zip.ts";
import { temporaryFolder } from "../support/folders.ts";
import { importDesk } from "../support/import-desk.ts";
import { elf, elfFor, fatFor, mac, machoFor, pe, peFor } from "../support/machine-code.ts";
import { partName, startNpmRegistry } from "../support/npm-registry.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

const onlyArm = machoFor(mac.arm64);
const onlyIntel = machoFor(mac.amd64);
const bothMacs = ["--platform", "darwin-x86_64", "--platform", "darwin-arm64"];

function published(ran: Ran): unknown {
  expect(ran.exitCode, ran.stderr).toBe(0);
  const { platforms, missing } = JSON.parse(ran.stdout);
  return { platforms: platforms.map(({ platform }: { platform: string }) => platform), missing };
}

describe("pypi", () => {
  async function imported(program: Buffer): Promise<Ran> {
    const name = "tool-1.0-py3-none-macosx_11_0_universal2.whl";
    const wheel = rawZip(
      { name: "tool-1.0.data/scripts/tool", body: program, unixMode: 0o100755 },
      { name: "tool-1.0.dist-info/METADATA", body: "Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n" },
      { name: "tool-1.0.dist-info/WHEEL", body: "Wheel-Version: 1.0\nTag: py3-none-macosx_11_0_universal2\n" },
      { name: "tool-1.0.dist-info/RECORD", body: "" },
    );
    const sum = createHash("sha256").update(wheel).digest("hex");
    const server = await startServer((request, response) => {
      if (request.url === `/${name}`) return void response.end(wheel);
      response.writeHead(200, { "content-type": "text/html" });
      response.end(`<a href="/${name}#sha256=${sum}">${name}</a>`);
    });
    const env = {
      PIP_INDEX_URL: `http://${server.host}/simple`,
      PIP_EXTRA_INDEX_URL: "",
      PIP_CONFIG_FILE: "/dev/null",
      PIP_NO_CACHE_DIR: "1",
    };
    return await importDesk().call(["import", "pypi:tool@1.0", "oci:layout:1", ...bothMacs, "--json"], { env });
  }

  test("a universal2 wheel with a program for arm64 alone is for arm64, and says so", async (context) => {
    requireProgram(context, "python3");
    const ran = await imported(onlyArm);
    expect(published(ran)).toEqual({ platforms: ["darwin-arm64"], missing: ["darwin-x86_64"] });
    expect(ran.stderr).toContain(
      'universal2.whl: for darwin-x86_64, "bin/tool" is a program for darwin-arm64; nothing',
    );
  });

  test("a universal2 wheel with a program for x86_64 alone is for both, and names Rosetta", async (context) => {
    requireProgram(context, "python3");
    const ran = await imported(onlyIntel);
    expect(published(ran)).toEqual({ platforms: ["darwin-arm64", "darwin-x86_64"], missing: [] });
    expect(ran.stderr.match(/warning/g)).toHaveLength(1);
    expect(ran.stderr).toContain("needs Rosetta");
  });

  test("a universal2 wheel with a program for both is for both", async (context) => {
    requireProgram(context, "python3");
    const ran = await imported(fatFor([mac.amd64, mac.arm64]));
    expect(published(ran)).toEqual({ platforms: ["darwin-arm64", "darwin-x86_64"], missing: [] });
    expect(ran.stderr).not.toContain("warning");
  });
});

describe("maven", () => {
  /** A client that has a file for each classifier in place of a repository. */
  function repository(files: Readonly<Record<string, Buffer>>): Record<string, string> {
    const dir = temporaryFolder();
    mkdirSync(join(dir, "files"));
    for (const [classifier, bytes] of Object.entries(files)) writeFileSync(join(dir, "files", classifier), bytes);
    const script = `#!/bin/sh
for one; do case $one in -Dartifact=*) name=\${one##*:} ;; -DoutputDirectory=*) out=\${one#*=} ;; esac; done
if test -f '${dir}/files/'$name; then cp '${dir}/files/'$name "$out/tool-$name.exe"; exit 0; fi
echo "Could not find artifact"; exit 1
`;
    writeFileSync(join(dir, "mvn"), script);
    chmodSync(join(dir, "mvn"), 0o755);
    return { PATH: `${dir}${delimiter}${process.env.PATH ?? ""}` };
  }

  const imported = async (
    files: Readonly<Record<string, Buffer>>,
    source = "maven:g:tool:1.0",
    platforms: readonly string[] = [],
  ): Promise<Ran> =>
    await importDesk().call(["import", source, "oci:layout:1", ...platforms, "--json"], { env: repository(files) });

  test.skipIf(process.platform === "win32")(
    "a program that its platform emulates is published with a warning, any other of another machine is not",
    async () => {
      const ran = await imported({
        "osx-x86_64": onlyIntel,
        "osx-aarch_64": onlyIntel,
        "windows-x86_64": peFor(pe.amd64),
        "windows-aarch_64": peFor(pe.amd64),
        "linux-x86_64": elfFor(elf.amd64),
        "linux-aarch_64": elfFor(elf.amd64),
      });
      expect(published(ran)).toEqual({
        platforms: ["darwin-arm64", "darwin-x86_64", "linux-x86_64", "windows-arm64", "windows-x86_64"],
        missing: ["linux-aarch64"],
      });
      expect(ran.stderr.match(/warning: .*/g)).toEqual([
        'warning: maven:g:tool:1.0:exe:linux-aarch_64: for linux-aarch64, "tool" is a program for linux-x86_64; nothing is published for that platform',
        'warning: maven:g:tool:1.0:exe:osx-aarch_64: for darwin-arm64, "tool" is a program for darwin-x86_64: it needs Rosetta',
        'warning: maven:g:tool:1.0:exe:windows-aarch_64: for windows-arm64, "tool.exe" is a program for windows-x86_64: it needs the emulation of Windows',
      ]);
    },
  );

  test.skipIf(process.platform === "win32")("nothing but a program of another platform is refused", async () => {
    const asked = await imported({ "osx-x86_64": onlyArm }, "maven:g:tool:1.0", ["--platform", "darwin-x86_64"]);
    const named = await imported({ all: onlyArm }, "maven:g:tool:1.0:exe:all", ["--platform", "linux-x86_64"]);
    for (const ran of [asked, named]) {
      expect(ran.exitCode, ran.stderr).toBe(65);
      expect(ran.stdout).toContain("IMPORT_CONTENT_INVALID");
      expect(ran.stderr).toContain('"tool" is a program for darwin-arm64; nothing is published');
    }
  });
});

describe("npm", () => {
  async function imported(program: Buffer, platforms: readonly string[]): Promise<Ran> {
    const server = await startNpmRegistry({
      stated: () => ({ os: ["linux", "darwin"], cpu: ["x64", "arm64"] }),
      entries: [
        { name: "package/package.json", body: `{"name":"${partName}","version":"1.0.0"}` },
        { name: "package/bin/tool", body: program, mode: 0o755 },
      ],
    });
    const env = {
      npm_config_registry: `http://${server.host}/`,
      npm_config_cache: temporaryFolder(),
      npm_config_fetch_retries: "0",
    };
    return await importDesk().call(["import", "npm:tool@1.0.0", "oci:layout:1", ...platforms, "--json"], { env });
  }

  test("a package that states more platforms than its program is for", async (context) => {
    requireProgram(context, "npm");
    const ran = await imported(onlyIntel, [...bothMacs, "--platform", "linux-x86_64"]);
    expect(published(ran)).toEqual({ platforms: ["darwin-arm64", "darwin-x86_64"], missing: ["linux-x86_64"] });
    expect(ran.stderr).toContain(`${partName}@1.0.0: for darwin-arm64, "bin/tool" is a program for darwin-x86_64: it`);
    expect(ran.stderr).toContain(
      `${partName}@1.0.0: for linux-x86_64, "bin/tool" is a program for darwin-x86_64; noth`,
    );
  });

  test("a package with nothing but a program of another platform is refused", async (context) => {
    requireProgram(context, "npm");
    const ran = await imported(onlyArm, ["--platform", "darwin-x86_64"]);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stdout).toContain(`${partName}@1.0.0 contains no native program`);
  });
});

describe("files and addresses", () => {
  test("a file, a folder and an address: what the user states counts, with a warning", async () => {
    const { dir, call } = importDesk();
    writeFileSync(join(dir, "tool"), onlyArm);
    mkdirSync(join(dir, "kit-linux-x86_64", "bin"), { recursive: true });
    writeFileSync(join(dir, "kit-linux-x86_64", "bin", "tool"), onlyArm);
    const archive = rawZip({ name: "bin/tool", body: onlyArm });
    const server = await startServer((request, response) =>
      response.end(request.url.includes(".zip") ? archive : onlyArm),
    );
    const digestOf = (bytes: Buffer): string => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    const rows: [string[], string, string][] = [
      [["file:tool"], "tool", "tool"],
      [["file:kit-{platform}"], "kit-linux-x86_64", "bin/tool"],
      [[`http://${server.host}/tool?key=secret`, "--digest", digestOf(onlyArm)], `http://${server.host}/tool`, "tool"],
      [[`http://${server.host}/tool.zip`, "--digest", digestOf(archive)], `http://${server.host}/tool.zip`, "bin/tool"],
    ];
    for (const [[source = "", ...options], named, program] of rows) {
      const platform = ["--platform", "linux-x86_64", "--json"];
      const ran = await call(["import", source, "oci:layout:1", ...options, ...platform]);
      expect(published(ran)).toEqual({ platforms: ["linux-x86_64"], missing: [] });
      expect(ran.stderr).toContain(
        `warning: ${named}: for linux-x86_64, ${JSON.stringify(program)} is a program for darwin-arm64\n`,
      );
    }
    const fitting = await call(["import", "file:tool", "oci:layout:2", "--platform", "darwin-arm64"]);
    expect(fitting.stderr).not.toContain("warning");
    const forAll = await call(["import", "file:tool", "oci:layout:3", "--json"]);
    expect(published(forAll)).toEqual({ platforms: [null], missing: [] });
    expect(forAll.stderr).toBe(
      'warning: tool: "tool" is a program for darwin-arm64, and is published for all platforms; ' +
        "to publish it for its own, add --platform darwin-arm64\n",
    );
    expect(existsSync(join(dir, "layout"))).toBe(true);
  });
});
