/** The library as a program sees it. */
import { spawnSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import * as library from "../../src/index.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { impossibleFolder, temporaryFolder } from "../support/folders.ts";
import { linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";

const { OrasClient } = library;
const before = process.env;
beforeEach(() => {
  process.env = { ...before, BUCK2_ORAS_REGISTRY: "", ORAS_TOKEN: "", ORAS_USER: "", DOCKER_CONFIG: impossibleFolder };
});
afterEach(() => {
  process.env = before;
});

test("push, list, info, pull, verify and clear on a real registry", async (context) => {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(registry.stop);
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), linuxTool);
  const client = new OrasClient({ registry: registry.host, cacheDir: join(dir, "cache") });
  const digest = sha256(linuxTool);
  const pushed = await client.push("t/tool:1", undefined, { platforms: { "linux-x86_64": join(dir, "tool") } });
  expect(await client.listTags("t/tool")).toEqual(["1"]);
  expect(await client.getArtifactInfo("t/tool:1")).toMatchObject({
    reference: `${registry.host}/t/tool:1`,
    digest: pushed.digest,
    platforms: [{ platform: "linux-x86_64", layers: [{ title: "tool", digest, size: linuxTool.length }] }],
  });
  for (const wanted of [digest, digest.slice("sha256:".length), undefined]) {
    const path = await client.pull("t/tool:1", {
      platform: "linux-x86_64",
      ...(wanted === undefined ? {} : { digest: wanted }),
    });
    expect(await client.verifyArtifact(path, digest)).toBe(true);
    expect(await client.verifyArtifact(path, sha256("other"))).toBe(false);
    expect(readFileSync(path, "utf8")).toBe(linuxTool);
  }
  expect(await client.clearCache({ olderThanDays: 1 })).toBe(0);
  // The tool, its note, its manifest and the index.
  expect(await client.clearCache()).toBe(4);
});

test("content that is cached under its digest is returned without asking anybody", async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), linuxTool);
  const server = await startServer((_request, response) => response.writeHead(500).end());
  const client = new OrasClient({ registry: server.host, cacheDir: join(dir, "cache") });
  await client.push(`oci:${dir}/layout:1`, join(dir, "tool"));
  await client.pull(`oci:${dir}/layout:1`);
  expect(await client.pull("any/thing:1", { digest: sha256(linuxTool) })).toContain(sha256(linuxTool).slice(7));
  expect(server.seen).toEqual([]);
});

test("errors are of their class, with a public code", async () => {
  const dir = temporaryFolder();
  const statuses: Record<string, number> = { "401": 401, "404": 404 };
  const server = await startServer(({ url }, response) =>
    response.writeHead(statuses[url.split("/")[2] ?? ""] ?? 200).end("{}"),
  );
  const client = new OrasClient({ registry: server.host, cacheDir: join(dir, "cache") });
  const failures = [
    [() => client.pull("401/x:1"), library.RegistryAuthError, "REGISTRY_UNAUTHORIZED"],
    [() => client.pull("404/x:1"), library.ArtifactNotFoundError, "ARTIFACT_NOT_FOUND"],
    [() => client.pull("200/x:1"), library.ContentVerificationError, "MEDIA_TYPE_UNSUPPORTED"],
    [() => client.pull("Not A Reference"), library.UsageError, "REFERENCE_INVALID"],
    [() => client.pull("127.0.0.1:1/x:1"), library.RegistryUnavailableError, "REGISTRY_UNAVAILABLE"],
    [() => client.verifyArtifact(join(dir, "nope"), sha256("")), library.ArtifactNotFoundError, "FILE_NOT_FOUND"],
    [
      () => new OrasClient({ registry: server.host, timeoutSeconds: 0.001 }).pull("404/x:1"),
      library.TimeoutError,
      "TIMED_OUT",
    ],
  ] as const;
  for (const [fail, errorClass, code] of failures) {
    const error: unknown = await fail().catch((thrown: unknown) => thrown);
    expect(error, code).toBeInstanceOf(errorClass);
    expect(error).toBeInstanceOf(library.OrasClientError);
    expect(error).toMatchObject({ code, exitCode: library.errorCodes[code].exit });
  }
});

test("a caller's signal ends a pull with the caller's reason", async () => {
  const server = await startServer(() => {});
  const client = new OrasClient({ registry: server.host, cacheDir: temporaryFolder() });
  const controller = new AbortController();
  const pulling = client.pull("t/x:1", { signal: controller.signal });
  setTimeout(() => controller.abort(new Error("enough")), 50);
  await expect(pulling).rejects.toThrow("enough");
});

test("detectPlatformString names this machine", () => {
  expect(library.detectPlatformString()).toMatch(/^(linux|darwin|windows)-(x86_64|aarch64|arm64)$/);
});

test("pull with an output folder gives the placed file, the folder of an archive, and the folder of several files", async () => {
  const dir = temporaryFolder();
  mkdirSync(join(dir, "kit/bin"), { recursive: true });
  writeFileSync(join(dir, "kit/bin/tool"), linuxTool);
  const tar = spawnSync("tar", ["-C", dir, "-czf", join(dir, "kit.tgz"), "kit"]);
  expect(tar.status).toBe(0);
  const client = new OrasClient({ cacheDir: join(dir, "cache") });
  await client.push(`oci:${dir}/layout:file`, join(dir, "kit/bin/tool"));
  await client.push(`oci:${dir}/layout:archive`, join(dir, "kit.tgz"), { compression: "none" });
  await client.push(`oci:${dir}/layout:folder`, join(dir, "kit"));
  const output = join(dir, "out");
  const file = await client.pull(`oci:${dir}/layout:file`, { output });
  expect(file).toBe(join(output, "tool"));
  expect(await client.verifyArtifact(file, sha256(linuxTool))).toBe(true);
  expect(await client.pull(`oci:${dir}/layout:archive`, { output })).toBe(join(output, "kit.tgz"));
  expect(await client.pull(`oci:${dir}/layout:archive`, { output, extract: true })).toBe(output);
  expect(readFileSync(join(output, "kit/bin/tool"), "utf8")).toBe(linuxTool);
  expect(await client.pull(`oci:${dir}/layout:file`, { output, extract: true })).toBe(join(output, "tool"));
  const other = join(dir, "other");
  const pulled = await client.pullArtifact(`oci:${dir}/layout:folder`, { output: other });
  expect(pulled).toMatchObject({ path: other, contentDigest: undefined, placed: [join(other, "kit/bin/tool")] });
});

test("lock, copy and check work through the library, and a moved tag is no error", async () => {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), linuxTool);
  const client = new OrasClient({ cacheDir: join(dir, "cache") });
  const file = join(dir, "oras.lock.json");
  await client.push(`oci:${dir}/layout:1`, join(dir, "tool"));
  expect(await client.lock.add("tool", `oci:${dir}/layout:1`, { file })).toMatchObject({
    tool: "tool",
    change: "added",
  });
  expect(await client.lock.check({ file })).toEqual({ tools: ["tool"], tags: [] });
  expect(await client.lock.list({ file })).toMatchObject([{ tool: "tool", version: "1", platforms: ["any"] }]);
  writeFileSync(join(dir, "tool"), `${linuxTool}# 2\n`);
  const moved = await client.push(`oci:${dir}/layout:1`, join(dir, "tool"));
  const { tags } = await client.lock.check({ file, online: true });
  expect(tags).toMatchObject([{ tool: "tool", current: moved.digest }]);
  expect(tags[0]?.locked).not.toBe(moved.digest);
  expect(await client.lock.update(["tool"], { file })).toMatchObject([{ change: "updated", digest: moved.digest }]);
  const copied = await client.copy(`oci:${dir}/layout:1`, `oci:${dir}/other`);
  expect(copied.artifacts).toMatchObject([{ digest: moved.digest }]);
  expect((await client.lock.copy(`oci:${dir}/third`, { file })).artifacts).toMatchObject([{ digest: moved.digest }]);
  expect(await client.listTags(`oci:${dir}/other`)).toEqual(["1"]);
  await client.lock.remove(["tool"], { file });
  expect(await client.lock.list({ file })).toEqual([]);
  await expect(client.lock.remove(["tool"], { file })).rejects.toBeInstanceOf(library.UsageError);
});

test("a login is checked, stored where Docker does, and removed", async () => {
  const dir = temporaryFolder();
  process.env = { ...process.env, DOCKER_CONFIG: dir };
  const wanted = `Basic ${Buffer.from("me:secret").toString("base64")}`;
  const server = await startServer(({ headers }, response) => {
    const isMe = headers.authorization === wanted;
    response.writeHead(isMe ? 200 : 401, { "www-authenticate": 'Basic realm="test"' }).end("{}");
  });
  const client = new OrasClient({ cacheDir: join(dir, "cache") });
  const credentials = { registry: server.host, username: "me", password: "secret" };
  expect(await client.login(credentials)).toMatchObject({ isChecked: true, keptIn: join(dir, "config.json") });
  await expect(client.login({ ...credentials, password: "wrong" })).rejects.toBeInstanceOf(library.RegistryAuthError);
  expect(await client.logout(server.host)).toMatchObject({ removedFrom: [join(dir, "config.json")] });
  expect(await client.logout(server.host)).toMatchObject({ removedFrom: [] });
});

test("a full disk is a LocalIoError in every method that writes", async (context) => {
  const dir = temporaryFolder();
  const disk = join(dir, "disk");
  mkdirSync(disk);
  if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]).status !== 0)
    context.skip("a tmpfs cannot be mounted here");
  context.onTestFinished(() => void spawnSync("umount", ["-l", disk]));
  writeFileSync(join(dir, "large"), randomBytes(300_000));
  const client = new OrasClient({ cacheDir: join(dir, "cache") });
  await client.push(`oci:${dir}/layout:1`, join(dir, "large"));
  writeFileSync(join(disk, "fill"), Buffer.alloc(32 * 1024));
  const full = new OrasClient({ cacheDir: join(disk, "cache") });
  process.env = { ...process.env, DOCKER_CONFIG: disk };
  const calls = {
    pull: () => full.pull(`oci:${dir}/layout:1`),
    output: () => client.pull(`oci:${dir}/layout:1`, { output: join(disk, "out") }),
    push: () => client.push(`oci:${disk}/layout:1`, join(dir, "large")),
    importTool: () => client.importTool(`file:${dir}/large`, `oci:${disk}/layout:1`),
    copy: () => client.copy(`oci:${dir}/layout:1`, `oci:${disk}/layout`),
    "lock.add": () => full.lock.add("large", `oci:${dir}/layout:1`, { file: join(dir, "oras.lock.json") }),
  };
  for (const [name, call] of Object.entries(calls)) {
    const error: unknown = await call().catch((thrown: unknown) => thrown);
    expect(error, name).toBeInstanceOf(library.LocalIoError);
    expect(error, name).toMatchObject({ code: "DISK_FULL" });
  }
});
