/** npm packages in the shapes that publishers and registries give them. */
import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { needsMusl, packageSchema, platformsOf, statesPlatform, toolNameOf } from "../../src/importers/npm-package.ts";
import { parseNpmDependency, pickVersion } from "../../src/importers/npm-spec.ts";
import { platformStrings } from "../../src/model/platform.ts";
import { temporaryFolder } from "../support/folders.ts";
import { importDesk } from "../support/import-desk.ts";
import { type Published, partName, program, startNpmRegistry } from "../support/npm-registry.ts";
import { requireProgram } from "../support/peers.ts";
import type { Ran } from "../support/run.ts";

/** The beginning of a program for Linux on x86_64. */
const elf = Buffer.alloc(64);
elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
elf.writeUInt16LE(0x3e, 18);

const bare = { name: "x", version: "1.0.0", dist: { tarball: "http://h/x.tgz" } };

test.for<[unknown, unknown, string, readonly string[]]>([
  [["linux"], ["x64"], "x", ["linux-x86_64"]],
  ["linux", "x64", "x", ["linux-x86_64"]],
  [["linux", "darwin"], ["x64", "arm64"], "x", ["linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64"]],
  ["darwin", undefined, "x", ["darwin-x86_64", "darwin-arm64"]],
  ["darwin", null, "tool-darwin-arm64", ["darwin-arm64"]],
  [undefined, undefined, "@acme/tool-win32-x64-msvc", ["windows-x86_64"]],
  [[], [], "tool-linux-x86_64", ["linux-x86_64"]],
  [["!win32"], ["!arm64"], "x", ["linux-x86_64", "darwin-x86_64"]],
  [["linux"], ["s390x"], "x", []],
  [undefined, undefined, "tool-freebsd-x64", []],
  [["any"], ["any"], "x", [...platformStrings]],
])("os %j and cpu %j of %s", ([os, cpu, name, expected]) => {
  const part = v.parse(packageSchema, { ...bare, name, os, cpu });
  expect(platformsOf(part, platformStrings)).toEqual(expected);
  expect(statesPlatform(part)).toBe(!(Array.isArray(os) && os[0] === "any"));
});

test.for<[unknown, string, boolean]>([
  [["musl"], "x", true],
  ["musl", "x", true],
  [["glibc"], "x-musl", false],
  [["glibc", "musl"], "x", false],
  ["!glibc", "x", true],
  [undefined, "tool-linux-x64-musl", true],
  [undefined, "tool-linux-x64-gnu", false],
])("libc %j of %s", ([libc, name, expected]) => {
  expect(needsMusl(v.parse(packageSchema, { ...bare, name, libc }))).toBe(expected);
});

test.for<[string, unknown, string]>([
  ["@ast-grep/cli", { sg: "sg", "ast-grep": "ast-grep" }, "ast-grep"],
  ["@bufbuild/buf", { buf: "b", "protoc-gen-buf-lint": "l" }, "buf"],
  ["sass-embedded", { sass: "s" }, "sass"],
  ["@acme/cli", undefined, "cli"],
  ["@acme/cli", "bin/cli.js", "cli"],
  ["@acme/cli", { "../../evil": "x" }, "cli"],
  ["tool", { a: "a", b: "b" }, "tool"],
])("the tool of %s with bin %j is %s", ([name, bin, expected]) => {
  expect(toolNameOf({ name, bin })).toBe(expected);
});

test.for<[unknown, string | undefined]>([
  ["MIT", "MIT"],
  [{ type: "MIT", url: "http://x" }, "MIT"],
  [[{ type: "MIT" }, { type: "Apache-2.0" }], "MIT OR Apache-2.0"],
  [{ url: "x" }, undefined],
  [null, undefined],
  [7, undefined],
])("license %j is %j", ([license, expected]) => {
  expect(v.parse(packageSchema, { ...bare, license }).license).toBe(expected);
  const older = v.parse(packageSchema, { ...bare, licenses: license });
  expect(older.license).toBe(expected);
});

test.for<[unknown, string | undefined]>([
  [{ type: "git", url: "git+https://github.com/a/b.git" }, "https://github.com/a/b.git"],
  ["a/b", "https://github.com/a/b"],
  ["gitlab:a/b", "https://gitlab.com/a/b"],
  [{}, undefined],
  [null, undefined],
])("repository %j is %j", ([repository, expected]) => {
  expect(v.parse(packageSchema, { ...bare, repository }).sourceUrl).toBe(expected);
});

test.for<[string, string | undefined]>([
  ["1.0.0", "1.0.0"],
  ["^1.0.0", "1.1.0"],
  ["1", "1.1.0"],
  ["~1.0.0", "1.0.1"],
  [">=2.0.0-0", "2.0.0-rc.1"],
  ["*", "1.1.0"],
  ["next", "2.0.0-rc.1"],
  ["^3.0.0", undefined],
  ["toString", undefined],
])("the version for %s is %s", ([wanted, expected]) => {
  const versions = ["1.0.0", "1.0.1", "1.1.0", "1.2.0", "2.0.0-rc.1", "--option", "../x"];
  expect(pickVersion(wanted, { versions, tags: { latest: "1.1.0", next: "2.0.0-rc.1", evil: "--option" } })).toBe(
    expected,
  );
});

test("a dependency without a version, and an alias with a scope", () => {
  expect(parseNpmDependency("x", "")).toEqual({ name: "x", wanted: "" });
  expect(parseNpmDependency("x", "npm:@a/b")).toEqual({ name: "@a/b", wanted: "*" });
  expect(parseNpmDependency("x", "npm:@a/b@1")).toEqual({ name: "@a/b", wanted: "1" });
  expect(parseNpmDependency("x", "npm:")).toBe(undefined);
});

describe("import npm", () => {
  async function imported(source: string, published: Published): Promise<Ran & { readonly dir: string }> {
    const server = await startNpmRegistry(published);
    const env = {
      npm_config_registry: `http://${server.host}/`,
      npm_config_cache: temporaryFolder(),
      npm_config_fetch_retries: "0",
    };
    const { call, dir } = importDesk();
    const ran = await call(["import", source, "oci:layout:1", "--platform", "linux-x86_64"], { env });
    if (ran.exitCode === 0) {
      const pulled = await call(["pull", "oci:layout:1", "--platform", "linux-x86_64", "-o", "out"]);
      expect(pulled.exitCode, pulled.stderr).toBe(0);
    }
    return { ...ran, dir };
  }

  test("a gone package of another platform, an alias, a range, another root and a licence object", async (context) => {
    requireProgram(context, "npm");
    const { exitCode, stderr, dir } = await imported("npm:@acme/tool@1.0.0", {
      optionalDependencies: { "tool-android": "1.0.0", anything: `npm:${partName}@^1.0.0` },
      gone: ["tool-android"],
      versions: ["1.0.3", "1.0.1", "2.0.0"],
      stated: () => ({ os: "linux", cpu: "x64" }),
      entries: [{ ...program, name: "other-root/bin/acme" }],
      main: { bin: { acme: "acme.js" }, license: { type: "MIT" } },
    });
    expect(exitCode, stderr).toBe(0);
    expect(stderr).toContain(`pkg:npm/${partName}@1.0.3`);
    expect(existsSync(join(dir, "out/acme/bin/acme"))).toBe(true);
  });

  test("metadata without optional packages, as some registries give it: the package's own manifest counts", async (context) => {
    requireProgram(context, "npm");
    const manifest = JSON.stringify({ optionalDependencies: { [partName]: "1.0.0" }, bin: { acme: "x" } });
    const { exitCode, stderr, dir } = await imported("npm:tool@1.0.0", {
      main: { optionalDependencies: undefined },
      stated: () => ({ os: undefined, cpu: undefined }),
      entries: [
        { name: "package/package.json", body: manifest },
        { name: "package/bin/acme", body: elf, mode: 0o644 },
      ],
    });
    expect(exitCode, stderr).toBe(0);
    expect(statSync(join(dir, "out/acme/bin/acme")).mode & 0o111).toBe(0o111);
  });

  test("a gone package of the wanted platform is named", async (context) => {
    requireProgram(context, "npm");
    const { exitCode, stderr } = await imported("npm:tool@1.0.0", { gone: [partName] });
    expect(exitCode, stderr).toBe(66);
    expect(stderr).toContain(`warning: npm: the registry does not have ${partName}@1.0.0, of tool@1.0.0`);
  });

  test.for<[string, Published, string]>([
    ["without a program", { optionalDependencies: {} }, "it is a library, without `bin`"],
    ["for Node", { optionalDependencies: {}, main: { bin: "x.js" } }, "its programs are the same for every platform"],
    [
      "whose install script fetches something",
      { optionalDependencies: {}, main: { bin: "x.js", scripts: { postinstall: "node get.js" } } },
      "import the file that the package's install script fetches",
    ],
    [
      "with a library for Node alone",
      { entries: [{ name: "package/tool.linux-x64-gnu.node", body: elf, mode: 0o644 }] },
      `${partName}@1.0.0 contains no native program: "tool.linux-x64-gnu.node"`,
    ],
  ])("a package %s is refused, and says why", async ([, published, message], context) => {
    requireProgram(context, "npm");
    const { exitCode, stderr } = await imported("npm:tool@1.0.0", published);
    expect(exitCode, stderr).toBe(65);
    expect(stderr).toContain(message);
  });

  test("a package that is not there, and a package without a version", async (context) => {
    requireProgram(context, "npm");
    const absent = await imported("npm:tool@1.0.0", { gone: ["tool"] });
    expect(absent.exitCode, absent.stderr).toBe(66);
    expect(absent.stderr).toContain("there is no package npm:tool\n  hint: check the name");
    const wrong = await imported("npm:tool@2.0.0", {});
    expect(wrong.exitCode, wrong.stderr).toBe(66);
    expect(wrong.stderr).toContain(
      "npm:tool has no version 2.0.0\n  hint: choose an existing version; the newest are 1.0.0",
    );
    expect((await imported("npm:tool==1.0.0", {})).stderr).toContain("hint: write npm:tool@1.0.0\n");
    const bare = await imported("npm:tool", {});
    expect(bare.exitCode, bare.stderr).toBe(64);
    expect(bare.stderr).toContain("write npm:tool@VERSION, with the exact version; `npm view tool version`");
  });
});
