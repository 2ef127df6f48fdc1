/** Wheels in the shapes that publishers give them. */
import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type RawZipEntry, rawZip } from "../archive/raw-zip.ts";
import { importDesk } from "../support/import-desk.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

/** The beginning of a program for Linux on x86_64. */
const elf = Buffer.alloc(64);
elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
elf.writeUInt16LE(0x3e, 18);

const executable = 0o100755;

interface Wheel {
  readonly tags: string;
  readonly entries: readonly RawZipEntry[];
  readonly metadata?: string;
  readonly requiresPython?: string;
}

/** An import of `pypi:tool@1.0` for Linux and macOS. */
async function imported({
  tags,
  entries,
  metadata = "",
  requiresPython,
}: Wheel): Promise<Ran & { readonly dir: string }> {
  const name = `tool-1.0-${tags}.whl`;
  const wheel = rawZip(
    ...entries,
    { name: "tool-1.0.dist-info/METADATA", body: `Metadata-Version: 2.1\nName: tool\nVersion: 1.0\n${metadata}` },
    { name: "tool-1.0.dist-info/WHEEL", body: `Wheel-Version: 1.0\nTag: ${tags}\n` },
    { name: "tool-1.0.dist-info/RECORD", body: "" },
  );
  const sum = createHash("sha256").update(wheel).digest("hex");
  const python = requiresPython === undefined ? "" : ` data-requires-python="${requiresPython}"`;
  const server = await startServer((request, response) => {
    if (request.url === `/${name}`) return void response.end(wheel);
    response.writeHead(200, { "content-type": "text/html" });
    response.end(`<a href="/${name}#sha256=${sum}"${python}>${name}</a>`);
  });
  const index = {
    PIP_INDEX_URL: `http://${server.host}/simple`,
    PIP_EXTRA_INDEX_URL: "",
    PIP_CONFIG_FILE: "/dev/null",
  };
  const { call, dir } = importDesk();
  const platforms = ["--platform", "linux-x86_64", "--platform", "darwin-arm64"];
  const ran = await call(["import", "pypi:tool@1.0", "oci:layout:1", ...platforms], {
    env: { ...index, PIP_NO_CACHE_DIR: "1" },
  });
  if (ran.exitCode === 0) await call(["pull", "oci:layout:1", "--platform", "linux-x86_64", "-o", "out"]);
  return { ...ran, dir };
}

const linux = "py3-none-manylinux2014_x86_64";

test("a program in the package's data is the tool, with the folder around it", async (context) => {
  requireProgram(context, "python3");
  const { exitCode, stderr, dir } = await imported({
    tags: linux,
    entries: [
      { name: "tool_package/__init__.py", body: "" },
      { name: "tool_package/data/bin/tool", body: elf, unixMode: executable },
      { name: "tool_package/data/share/words", body: "words" },
      { name: "tool_package/native.so", body: elf },
    ],
    metadata: "License: UNKNOWN\nProject-URL: Source, https://example.com/tool\n\nLicense: not a header\n",
  });
  expect(exitCode, stderr).toBe(0);
  expect(existsSync(join(dir, "out/tool/bin/tool"))).toBe(true);
  expect(readFileSync(join(dir, "out/tool/share/words"), "utf8")).toBe("words");
  expect(existsSync(join(dir, "out/tool/__init__.py"))).toBe(false);
  expect(stderr).toContain("Not available for: darwin-arm64");
});

test("a package with libraries beside it stays whole", async (context) => {
  requireProgram(context, "python3");
  const { exitCode, stderr, dir } = await imported({
    tags: linux,
    entries: [
      { name: "tool/bin/tool", body: elf, unixMode: executable },
      { name: "tool.libs/libx.so.1", body: elf },
    ],
  });
  expect(exitCode, stderr).toBe(0);
  expect(existsSync(join(dir, "out/tool/tool/bin/tool"))).toBe(true);
  expect(existsSync(join(dir, "out/tool/tool.libs/libx.so.1"))).toBe(true);
});

test("a wheel for every platform with a program for one is for that one", async (context) => {
  requireProgram(context, "python3");
  const script = { name: "tool-1.0.data/scripts/tool", body: elf, unixMode: executable };
  const { exitCode, stderr } = await imported({ tags: "py3-none-any", entries: [script] });
  expect(exitCode, stderr).toBe(0);
  expect(stderr).toContain("Not available for: darwin-arm64");
});

test("a wheel with scripts for Python alone is refused", async (context) => {
  requireProgram(context, "python3");
  const body = "#!python\nprint('hello')\n";
  const script = { name: "tool-1.0.data/scripts/tool", body, unixMode: executable };
  const { exitCode, stderr } = await imported({ tags: "py3-none-any", entries: [script] });
  expect(exitCode, stderr).toBe(65);
  expect(stderr).toContain('tool-1.0-py3-none-any.whl contains no native program: "bin/tool" is a library, a script');
});

test("the Python that a wheel wants is not the Python of this machine", async (context) => {
  requireProgram(context, "python3");
  const script = { name: "tool-1.0.data/scripts/tool", body: elf, unixMode: executable };
  const { exitCode, stderr } = await imported({ tags: linux, entries: [script], requiresPython: "&gt;=9" });
  expect(exitCode, stderr).toBe(0);
});
