/** The library as a program sees it. */
import { readFileSync, writeFileSync } from "node:fs";
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
