/** The cache as processes meet it: damaged, shared, killed in the middle, full, read-only, somebody else's. */
import { type ChildProcess, execFileSync, spawnSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { mediaTypes } from "../../src/model/manifest.ts";
import { startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { type Handler, startServer } from "../support/registry/server.ts";

const linux = ["--platform", "linux-x86_64"];

function blobPath(cacheDir: string, digest: string): string {
  return join(cacheDir, "oras", digest.slice(7, 9), digest.slice(7));
}

describe("a damaged blob", () => {
  test.each([
    ["flipped", "#!/bin/sh\necho tool for linuX\n"],
    ["cut short", "#!/bin"],
    ["too long", `${linuxTool}# more\n`],
    ["empty", ""],
  ])("that is %s is replaced, exit 0; with --offline it is exit 65 and a hint", async (_, damaged) => {
    const server = await startServer(serve(linuxTool));
    const dir = temporaryFolder();
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    const reference = `${server.host}/t/tool:1`;
    expect((await oras(["pull", reference], { cwd: dir, env })).exitCode).toBe(0);
    const path = blobPath(join(dir, "cache"), sha256(linuxTool));
    const damage = (): void => {
      chmodSync(path, 0o644);
      writeFileSync(path, damaged);
    };
    damage();
    const offline = await oras(["pull", reference, "--offline", "-o", "out"], { cwd: dir, env });
    expect(offline.exitCode).toBe(65);
    expect(offline.stderr).toMatch(/CACHE_DAMAGED[\s\S]*hint: /);
    expect(existsSync(join(dir, "out/tool"))).toBe(false);

    expect((await oras(["pull", reference], { cwd: dir, env })).exitCode).toBe(0);
    damage();
    const again = await oras(["pull", reference, "-o", "out"], { cwd: dir, env });
    expect(again.exitCode, again.stderr).toBe(0);
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(linuxTool);
    expect(readFileSync(path, "utf8")).toBe(linuxTool);
  });

  test("a folder in its place is replaced", async () => {
    const project = await layoutProject();
    mkdirSync(blobPath(project.cacheDir, sha256(linuxTool)), { recursive: true });
    const ran = await project.oras(["pull", "oci:layout:1.0", ...linux]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(blobPath(project.cacheDir, sha256(linuxTool)), "utf8")).toBe(linuxTool);
  });
});

/** Serves one file as `t/tool:1`, the blob by `sendBlob` if it is given. */
function serve(content: string, sendBlob?: Handler): Handler {
  const layer = { mediaType: "application/octet-stream", digest: sha256(content), size: Buffer.byteLength(content) };
  const annotations = { "org.opencontainers.image.title": "tool" };
  const manifest = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: layer,
    layers: [{ ...layer, annotations }],
  });
  return (request, response, server) => {
    if (request.url.includes("/manifests/")) {
      response.setHeader("content-type", mediaTypes.ociManifest);
      response.end(manifest);
    } else if (sendBlob === undefined) {
      response.end(content);
    } else {
      sendBlob(request, response, server);
    }
  };
}

describe("processes", () => {
  test("twelve on one cold cache: all succeed, and one fetches the blob", async () => {
    const server = await startServer(
      serve(linuxTool, (_request, response) => setTimeout(() => response.end(linuxTool), 300)),
    );
    const dir = temporaryFolder();
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    const runs = await Promise.all(
      Array.from({ length: 12 }, (_, index) =>
        oras(["pull", `${server.host}/t/tool:1`, "-o", `out${index}`], { cwd: dir, env }),
      ),
    );
    expect(runs.map(({ exitCode, stderr }) => `${exitCode} ${exitCode === 0 ? "" : stderr}`)).toEqual(
      runs.map(() => "0 "),
    );
    expect(server.seen.filter(({ url }) => url.includes("/blobs/"))).toHaveLength(1);
    for (const index of runs.keys()) expect(readFileSync(join(dir, `out${index}/tool`), "utf8")).toBe(linuxTool);
  }, 60_000);

  test("kill -9 in mid-pull: nothing unverified is visible, the next pull takes over within seconds", async () => {
    let child: ChildProcess | undefined;
    const server = await startServer(
      serve(linuxTool, (_request, response, { seen }) => {
        if (seen.filter(({ url }) => url.includes("/blobs/")).length > 1) {
          response.end(linuxTool);
          return;
        }
        response.writeHead(200, { "content-length": linuxTool.length });
        response.write(linuxTool.slice(0, 5));
        setTimeout(() => child?.kill("SIGKILL"), 200);
      }),
    );
    const dir = temporaryFolder();
    const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") };
    const args = ["pull", `${server.host}/t/tool:1`, "-o", "out"];
    const killed = await oras(args, {
      cwd: dir,
      env,
      onStart: (started) => {
        child = started;
      },
    });
    expect(killed.signal).toBe("SIGKILL");
    expect(existsSync(join(dir, "out"))).toBe(false);
    expect(readdirSync(join(dir, "cache/oras"))).toEqual([]);
    const started = performance.now();
    const next = await oras(args, { cwd: dir, env });
    expect(next.exitCode, next.stderr).toBe(0);
    expect(performance.now() - started).toBeLessThan(8_000);
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(linuxTool);
  });
});

describe("a cache folder that says no is exit 74 and says what to do", () => {
  test("a full disk", async (context) => {
    const project = await layoutProject();
    const disk = join(project.dir, "disk");
    mkdirSync(disk);
    const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=64k", "tmpfs", disk]);
    if (mounted.status !== 0) context.skip("a tmpfs cannot be mounted here");
    onTestFinished(() => void spawnSync("umount", ["-l", disk]));
    writeFileSync(join(project.dir, "large"), Buffer.alloc(1_000_000, 7));
    await project.oras(["push", "oci:layout:large", "large"]);
    const env = { BUCK2_ORAS_CACHE_DIR: join(disk, "cache") };
    const full = await project.oras(["pull", "oci:layout:large"], { env });
    expect(full.exitCode, full.stderr).toBe(74);
    expect(full.stderr).toMatch(/error\[DISK_FULL\][\s\S]*hint: free some space/);
    expect(readdirSync(join(disk, "cache/tmp"))).toEqual([]);
    const output = await project.oras(["pull", "oci:layout:large", "-o", join(disk, "out")]);
    expect(output.exitCode, output.stderr).toBe(74);
    expect(existsSync(join(disk, "out/large"))).toBe(false);
  });

  test("a read-only file system", async (context) => {
    const project = await layoutProject();
    const disk = join(project.dir, "disk");
    mkdirSync(disk);
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "ro", "tmpfs", disk]).status !== 0)
      context.skip("a tmpfs cannot be mounted here");
    onTestFinished(() => void spawnSync("umount", ["-l", disk]));
    const ran = await project.oras(["pull", "oci:layout:1.0", ...linux], {
      env: { BUCK2_ORAS_CACHE_DIR: join(disk, "cache") },
    });
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(/error\[PERMISSION_DENIED\][\s\S]*hint: .*read-only/);
  });

  test("somebody else's folder", async (context) => {
    const setpriv = requireProgram(context, "setpriv");
    if (process.getuid?.() !== 0) context.skip("only root can become somebody else");
    const project = await layoutProject();
    chmodSync(project.dir, 0o755);
    mkdirSync(join(project.dir, "theirs"), { mode: 0o755 });
    const command = [process.execPath, inject("executable"), "pull", "oci:layout:1.0", ...linux];
    chmodSync(join(inject("executable"), ".."), 0o755);
    const env = {
      PATH: process.env.PATH ?? "",
      HOME: "/nonexistent",
      BUCK2_ORAS_CACHE_DIR: join(project.dir, "theirs"),
    };
    const ran = spawnSync(setpriv, ["--reuid=65534", "--regid=65534", "--clear-groups", ...command], {
      cwd: project.dir,
      env,
      encoding: "utf8",
    });
    expect(ran.status, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(/error\[PERMISSION_DENIED\][\s\S]*hint: check who owns/);
  });
});

test("two tools with the same content are stored, and fetched, once", async (context) => {
  const registry = await startDockerRegistry(requireProgram(context, "docker-registry"));
  context.onTestFinished(registry.stop);
  const project = await layoutProject();
  for (const name of ["a", "b"]) await project.oras(["push", `${registry.host}/t/${name}:1`, "linux-x86_64/tool"]);
  for (const name of ["a", "b"])
    expect((await project.oras(["pull", `${registry.host}/t/${name}:1`])).exitCode).toBe(0);
  const gets = registry
    .log()
    .split("\n")
    .filter((line) => line.includes(`"GET /v2/`) && line.includes("/blobs/"));
  expect(gets).toHaveLength(1);
  expect(
    execFileSync("find", [join(project.cacheDir, "oras"), "-type", "f"], { encoding: "utf8" })
      .trim()
      .split("\n"),
  ).toHaveLength(1);
});
