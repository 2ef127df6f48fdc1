/** Whoever wrote a checkout: `init` ends in it, and writes no file that version control runs. */
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import type { Ran } from "../support/run.ts";

const minimal = "[cells]\n  root = .\n  prelude = prelude\n  toolchains = toolchains\n";
const source = [
  "--origin",
  "https://git.example/buck2-oras.git",
  "--commit",
  "0123456789abcdef0123456789abcdef01234567",
];
const lock = JSON.stringify({ version: 1, tools: { protoc: { reference: "ghcr.io/acme/protoc:1", platforms: {} } } });

function checkoutOf(files: Readonly<Record<string, string>>): string {
  const root = temporaryFolder();
  for (const [name, text] of Object.entries({ "oras.lock.json": lock, ...files })) {
    mkdirSync(dirname(join(root, name)), { recursive: true });
    writeFileSync(join(root, name), text);
  }
  return root;
}

async function init(cwd: string, ...more: readonly string[]): Promise<Ran> {
  return await oras(["init", ...source, "--yes", ...more], { cwd });
}

describe("init, in a stranger's checkout", () => {
  test.each<readonly [string, Record<string, string>]>([
    ["a line of blanks", { ".buckconfig": `${minimal}a${" ".repeat(200_000)}b\n` }],
    ["a value that goes on over many lines", { ".buckconfig": `${minimal}a = b \\\n${"c\\\n".repeat(200_000)}` }],
    ["a cell whose path is slashes", { ".buckconfig": `${minimal}  a = ${"/".repeat(200_000)}b\n` }],
    ["a configuration that includes itself", { ".buckconfig": minimal + "<file:.buckconfig>\n".repeat(100) }],
    ["empty lines of a build file", { ".buckconfig": minimal, "tools/BUCK": "\n".repeat(200_000) }],
    ["loads that do not end", { ".buckconfig": minimal, "tools/BUCK": 'load("oras_tool'.repeat(20_000) }],
    ["loads that end at the last", { ".buckconfig": minimal, "tools/BUCK": `${'load("oras_tool\n'.repeat(20_000)})` }],
    [
      "a load with a long word",
      { ".buckconfig": minimal, "tools/BUCK": `load("//:oras.lock.json", ${"a".repeat(200_000)})` },
    ],
  ])("%s does not keep it", async (_, files) => {
    const ran = await init(checkoutOf(files), "--dry-run");
    expect(ran.exitCode, ran.stderr).toBe(0);
  });

  test("files that include each other a thousand times are an error", async () => {
    const files = Array.from({ length: 9 }, (_, at) => [`cfg/${at}`, `<file:${at + 1}>\n`.repeat(10)] as const);
    const ran = await init(checkoutOf({ ".buckconfig": `${minimal}<file:cfg/0>\n`, ...Object.fromEntries(files) }));
    expect(ran.exitCode, ran.stderr).toBe(78);
    expect(ran.stderr).toMatch(/CONFIG_INVALID[\s\S]*includes too many files/);
  });

  test.each([
    ["of the toolchains' cell", `${minimal.replace("= toolchains", "= .git")}`, ".git/BUCK"],
    ["in other letters", `${minimal.replace("= toolchains", "= .GIT/hooks")}`, ".GIT/hooks/BUCK"],
    ["behind a link", `${minimal.replace("= toolchains", "= link")}`, ".git/BUCK"],
  ])("a folder of version control, %s, is not written into", async (_, config, file) => {
    const root = checkoutOf({ ".buckconfig": config, ".git/HEAD": "ref: refs/heads/main\n" });
    symlinkSync(".git", join(root, "link"));
    const ran = await init(root);
    expect(ran.exitCode, ran.stderr).toBe(78);
    expect(ran.stderr).toContain("folder of version control");
    expect(existsSync(join(root, file))).toBe(false);
  });

  test.each([".git/hooks/pre-commit", "../other", "a\\b"])("the build file's name %j is an error", async (name) => {
    const root = checkoutOf({ ".buckconfig": `${minimal}[buildfile]\n  name_v2 = ${name}\n`, ".git/hooks/x": "" });
    const ran = await init(root);
    expect(ran.exitCode, ran.stderr).toBe(78);
    expect(ran.stderr).toMatch(/CONFIG_INVALID[\s\S]*\[buildfile\]/);
    expect(existsSync(join(root, "tools", name))).toBe(false);
  });

  test("a file with mixed line ends is extended", async () => {
    const text = minimal.replace("\n", "\r\n");
    const root = checkoutOf({ ".buckconfig": text });
    const ran = await init(root);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(root, ".buckconfig"), "utf8").startsWith(text)).toBe(true);
  });
});

test.each([
  ["github.com/acme/buck2-oras", 64],
  ["../rules", 64],
  ["/srv/rules", 64],
  ["https://host", 64],
  ["file://relative", 64],
  ["-oProxyCommand=x", 64],
  ["git@git.example:acme/buck2-oras.git", 0],
  ["ssh://git@git.example/acme/buck2-oras.git", 0],
  ["file:///srv/rules", 0],
])("init: the origin %s ends with exit code %i", async (origin, exitCode) => {
  const cwd = checkoutOf({ ".buckconfig": minimal });
  const ran = await oras(["init", "--dry-run", "--origin", origin, "--commit", "0".repeat(40)], { cwd });
  expect(ran.exitCode, ran.stderr).toBe(exitCode);
  if (exitCode !== 0) expect(ran.stderr).toContain("hint: give --origin an address such as https://HOST/PATH.git");
});
