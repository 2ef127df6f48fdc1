import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { darwinTool, layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";

describe("lock add", () => {
  test("an index: each platform with its own manifest, blob and content", async () => {
    const project = await layoutProject();
    const added = await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    expect(added.exitCode, added.stderr).toBe(0);
    const text = readFileSync(join(project.dir, "oras.lock.json"), "utf8");
    const { platforms, reference, digest } = parseLock(text, "lock").tools.tool ?? { platforms: {} };
    expect(reference).toBe("oci:layout:1.0");
    expect(Object.keys(platforms)).toEqual(["darwin-arm64", "linux-x86_64"]);
    for (const [platform, tool] of [
      ["linux-x86_64", linuxTool],
      ["darwin-arm64", darwinTool],
    ] as const) {
      expect(platforms[platform]).toMatchObject({
        repository: "oci:layout",
        layers: [
          { digest: sha256(tool), contentDigest: sha256(tool), size: tool.length, format: "raw", title: "tool" },
        ],
      });
      expect(platforms[platform]?.manifest).not.toBe(digest);
    }
  });

  test("a lock in another folder names the layout from there", async () => {
    const project = await layoutProject();
    mkdirSync(join(project.dir, "deep"));
    const added = await project.oras(["lock", "add", "tool", "oci:layout:1.0", "--lock", "deep/oras.lock.json"]);
    expect(added.exitCode, added.stderr).toBe(0);
    const lock = parseLock(readFileSync(join(project.dir, "deep/oras.lock.json"), "utf8"), "lock");
    expect(lock.tools.tool?.platforms["linux-x86_64"]?.repository).toBe("oci:../layout");
    const again = await project.oras(["lock", "update", "--lock", "deep/oras.lock.json", "--json"]);
    expect(JSON.parse(again.stdout)).toMatchObject({ tools: [{ tool: "tool", change: "unchanged" }] });
  });

  test("a folder: its executable and include folder, and that it is to be unpacked", async () => {
    const project = await layoutProject();
    mkdirSync(join(project.dir, "protoc/bin"), { recursive: true });
    mkdirSync(join(project.dir, "protoc/include/google"), { recursive: true });
    writeFileSync(join(project.dir, "protoc/bin/protoc"), linuxTool, { mode: 0o755 });
    writeFileSync(join(project.dir, "protoc/bin/other"), linuxTool, { mode: 0o755 });
    writeFileSync(join(project.dir, "protoc/include/google/any.proto"), "");
    await project.oras(["push", "oci:layout:2", "protoc"]);
    await project.oras(["lock", "add", "protoc", "oci:layout:2"]);
    const lock = parseLock(readFileSync(join(project.dir, "oras.lock.json"), "utf8"), "lock");
    expect(lock.tools.protoc?.platforms.any?.layers).toMatchObject([
      { format: "tar.zst", executable: "protoc/bin/protoc", include: "protoc/include", unpackInto: "protoc" },
    ]);
  });

  test("a template: one tag per platform, those that exist", async () => {
    const project = await layoutProject();
    for (const platform of ["linux-x86_64", "darwin-arm64"]) {
      await project.oras(["push", `oci:layout:1-${platform}`, `${platform}/tool`]);
    }
    await project.oras(["lock", "add", "tool", "oci:layout:1-{platform}"]);
    const lock = parseLock(readFileSync(join(project.dir, "oras.lock.json"), "utf8"), "lock");
    expect(lock.tools.tool?.digest).toBeUndefined();
    expect(Object.keys(lock.tools.tool?.platforms ?? {})).toEqual(["darwin-arm64", "linux-x86_64"]);
    const none = await project.oras(["lock", "add", "tool", "oci:layout:9-{platform}"]);
    expect(none.exitCode).toBe(66);
    expect(none.stderr).toContain("not found");
  });

  test("the default registry is written out, and a failed add leaves the lock as it was", async (context) => {
    const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
    context.onTestFinished(registry.stop);
    const project = await layoutProject();
    const env = { BUCK2_ORAS_REGISTRY: registry.host };
    await project.oras(["push", "t/tool:1", "linux-x86_64/tool"], { env });
    const added = await project.oras(["lock", "add", "tool", "t/tool:1"], { env });
    expect(added.exitCode, added.stderr).toBe(0);
    const before = readFileSync(join(project.dir, "oras.lock.json"), "utf8");
    expect(parseLock(before, "lock").tools.tool?.reference).toBe(`${registry.host}/t/tool:1`);
    const failed = await project.oras(["lock", "add", "other", "t/other:1"], { env });
    expect(failed.exitCode).toBe(66);
    expect(readFileSync(join(project.dir, "oras.lock.json"), "utf8")).toBe(before);
  });
});

describe("lock update", () => {
  test("a moved tag changes the named tool and no other, and says what changed", async () => {
    const project = await layoutProject();
    await project.oras(["push", "oci:layout:a", "linux-x86_64/tool"]);
    await project.oras(["push", "oci:layout:b", "linux-x86_64/tool"]);
    for (const name of ["a", "b"]) await project.oras(["lock", "add", name, `oci:layout:${name}`]);
    for (const name of ["a", "b"]) await project.oras(["push", `oci:layout:${name}`, "darwin-arm64/tool"]);
    const updated = await project.oras(["lock", "update", "a", "--json"]);
    expect(JSON.parse(updated.stdout)).toMatchObject({ tools: [{ tool: "a", change: "updated" }] });
    const { tools } = parseLock(readFileSync(join(project.dir, "oras.lock.json"), "utf8"), "lock");
    expect(tools.a?.platforms.any?.layers[0]?.digest).toBe(sha256(darwinTool));
    expect(tools.b?.platforms.any?.layers[0]?.digest).toBe(sha256(linuxTool));
    const unknown = await project.oras(["lock", "update", "c"]);
    expect(unknown.exitCode).toBe(64);
    expect(unknown.stderr).toMatch(/no tool "c"[\s\S]*choose a tool of the lock: a, b/);
  });
});

describe("what changed", () => {
  test("per platform: added, removed and changed, with sizes, as a table and as JSON", async () => {
    const project = await layoutProject();
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    writeFileSync(join(project.dir, "linux-x86_64/tool"), "x".repeat(2_000_000));
    const paths = ["--platform", "linux-x86_64=linux-x86_64/tool", "--platform", "windows-x86_64=darwin-arm64/tool"];
    await project.oras(["push", "oci:layout:1.0", ...paths, "--compression", "none"]);
    const before = readFileSync(join(project.dir, "oras.lock.json"), "utf8");
    const online = await project.oras(["lock", "check", "--online"]);
    expect(online.exitCode).toBe(78);
    expect(online.stdout).toMatch(/^tool +oci:layout:1\.0 +sha256:[0-9a-f]{12} → sha256:[0-9a-f]{12}$/m);
    const updated = await project.oras(["lock", "update"]);
    expect(updated.stdout).toMatch(/^tool +updated +sha256:[0-9a-f]{12} → sha256:[0-9a-f]{12}/m);
    expect(updated.stdout).toMatch(/tool +darwin-arm64 +removed +\d+ B$/m);
    expect(updated.stdout).toMatch(/tool +linux-x86_64 +changed +\d+ B → 2\.0 MB$/m);
    expect(updated.stdout).toMatch(/tool +windows-x86_64 +added +\d+ B$/m);
    expect((await project.oras(["lock", "check", "--online"])).exitCode).toBe(0);
    writeFileSync(join(project.dir, "oras.lock.json"), before);
    const json = JSON.parse((await project.oras(["lock", "update", "--json"])).stdout);
    expect(json.tools[0].platformChanges).toMatchObject([
      { platform: "darwin-arm64", change: "removed", size: null },
      { platform: "linux-x86_64", change: "changed", size: 2_000_000 },
      { platform: "windows-x86_64", change: "added", previousSize: null },
    ]);
  });

  test("another version under the same name shows both references; a tag that is gone is said", async () => {
    const project = await layoutProject();
    await project.oras(["push", "oci:layout:2.0", "linux-x86_64/tool"]);
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    const added = await project.oras(["lock", "add", "tool", "oci:layout:2.0"]);
    expect(added.stdout).toContain("oci:layout:1.0 → oci:layout:2.0");
    const index = JSON.parse(readFileSync(join(project.dir, "layout/index.json"), "utf8"));
    writeFileSync(join(project.dir, "layout/index.json"), JSON.stringify({ ...index, manifests: [] }));
    const online = await project.oras(["lock", "check", "--online", "--json"]);
    expect(online.exitCode).toBe(78);
    expect(JSON.parse(online.stdout)).toMatchObject({ moved: [{ tool: "tool", current: null }] });
  });
});

test("lock update: a lock of another form is written anew, though no tool has changed", async () => {
  const project = await layoutProject();
  await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
  const file = join(project.dir, "oras.lock.json");
  const written = readFileSync(file, "utf8");
  writeFileSync(file, JSON.stringify(JSON.parse(written)));
  expect((await project.oras(["lock", "check"])).stderr).toContain("LOCK_OUTDATED");
  expect((await project.oras(["lock", "update"])).stdout).toContain("unchanged");
  expect(readFileSync(file, "utf8")).toBe(written);
});

test("a template whose tags are indexes is what its platforms' manifests are", async () => {
  const project = await layoutProject();
  for (const version of ["one", "two"]) {
    writeFileSync(join(project.dir, "tool"), version);
    const push = ["push", "oci:own:1-linux-x86_64", "--platform", "linux-x86_64=tool"];
    expect((await project.oras(push)).exitCode).toBe(0);
    if (version === "one") {
      expect((await project.oras(["lock", "add", "own", "oci:own:1-{platform}"])).exitCode).toBe(0);
      expect((await project.oras(["lock", "check", "--online"])).stdout).toContain("is up to date: 1 tag checked");
    }
  }
  const moved = await project.oras(["lock", "check", "--online"]);
  expect(moved.exitCode).toBe(78);
  expect(moved.stdout).toMatch(/^own +oci:own:1-linux-x86_64 +sha256:[0-9a-f]{12} → sha256:[0-9a-f]{12}$/m);
});

describe("lock check", () => {
  test.each([
    ["2", "hint: update buck2-oras, or remove"],
    ["0", "restore oras.lock.json from version control"],
    ['"x"', "restore oras.lock.json from version control"],
  ])("version %s: the hint says what to do", async (version, hint) => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, "oras.lock.json"), `{"version": ${version}, "tools": {}}`);
    expect((await project.oras(["lock", "check"])).stderr).toContain(hint);
  });

  test.each([
    ["not JSON", "{", "LOCK_INVALID"],
    ["an unfinished merge", '{\n<<<<<<< HEAD\n  "version": 1\n=======\n>>>>>>> main\n}', "LOCK_CONFLICT"],
    ["a newer version", '{"version": 2, "tools": {}}', "LOCK_VERSION_UNSUPPORTED"],
    ["no version", '{"tools": {}}', "LOCK_INVALID"],
    ["an unknown field", '{"version": 1, "tools": {}, "extra": 1}', "LOCK_INVALID"],
    [
      "a digest that is none",
      '{"version": 1, "tools": {"a": {"reference": "h.io/a:1", "digest": "sha256:x", "platforms": {}}}}',
      "LOCK_INVALID",
    ],
    ["another form than the written one", '{"version":1,"tools":{}}', "LOCK_OUTDATED"],
  ])("%s is exit 78 with a hint", async (_, text, code) => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, "oras.lock.json"), text);
    const ran = await project.oras(["lock", "check"]);
    expect(ran.exitCode).toBe(78);
    expect(ran.stderr).toContain(`error[${code}]`);
    expect(ran.stderr).toContain("hint: ");
    if (text.startsWith('{"tools"')) expect(ran.stderr).toContain("`version` is missing");
  });

  test("a lock in a folder that does not exist is refused before anything is fetched", async () => {
    const project = await layoutProject();
    for (const lock of ["sub/none.json", "layout/oci-layout/none.json"]) {
      const ran = await project.oras(["lock", "add", "tool", "oci:layout:1.0", "--lock", lock]);
      expect(ran.exitCode).toBe(74);
      expect(ran.stderr).toMatch(/error\[\w+\]: .*none\.json/);
      expect(ran.stderr).not.toContain("Fetched");
    }
    const ran = await project.oras(["lock", "add", "tool", "oci:layout:1.0", "--lock", "sub/none.json"]);
    expect(ran.stderr).toContain("its folder does not exist\n  hint: create the folder, or correct the path");
  });

  test("a file that is larger than any lock is not read", async () => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, "oras.lock.json"), `{"version": 1, "tools": {}}${" ".repeat(16 * 1024 * 1024)}`);
    const ran = await project.oras(["lock", "check"]);
    expect(ran).toMatchObject({ exitCode: 74, stderr: expect.stringContaining("larger than the limit of 16777216") });
  });

  test("what `lock add` wrote is well-formed; no lock at all is said", async () => {
    const project = await layoutProject();
    expect((await project.oras(["lock", "check"])).exitCode).toBe(78);
    expect(existsSync(join(project.dir, "oras.lock.json"))).toBe(false);
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    expect((await project.oras(["lock", "check"])).stdout).toBe("oras.lock.json is well-formed: 1 tool\n");
  });
});
