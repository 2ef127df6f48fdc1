/** A real registry, and the clients that people have. */
import { execFileSync } from "node:child_process";
import { chmodSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, type TestContext, test } from "vitest";
import { type DockerRegistry, startDockerRegistry } from "../support/docker-registry.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { linuxTool, sha256 } from "../support/layout-project.ts";
import { findProgram, requireProgram } from "../support/peers.ts";
import type { Ran } from "../support/run.ts";

let registry: DockerRegistry | undefined;

beforeAll(async () => {
  const program = findProgram("docker-registry");
  if (program !== undefined) registry = await startDockerRegistry(program);
  return () => registry?.stop();
});

interface Site {
  readonly dir: string;
  readonly host: string;
  readonly oras: (...args: string[]) => Promise<Ran>;
  readonly peer: (name: string, ...args: string[]) => string;
}

function site(context: TestContext): Site {
  requireProgram(context, "docker-registry");
  if (registry === undefined) throw new Error("the registry did not start");
  const dir = temporaryFolder();
  return {
    dir,
    host: registry.host,
    oras: (...args) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } }),
    peer: (name, ...args) =>
      execFileSync(requireProgram(context, name), args, {
        cwd: dir,
        stdio: ["ignore", "pipe", "pipe"],
        encoding: "utf8",
      }),
  };
}

describe("what oras pushed", () => {
  test("one file, compressed or not, under any media type", async (context) => {
    const { dir, host, oras, peer } = site(context);
    writeFileSync(join(dir, "tool"), linuxTool);
    writeFileSync(join(dir, "tool.gz"), gzipSync(linuxTool));
    peer("oras", "push", "--plain-http", `${host}/p/raw:1`, "tool");
    peer("oras", "push", "--plain-http", `${host}/p/gz:1`, "tool.gz:application/gzip");
    for (const repository of ["p/raw", "p/gz"]) {
      const pulled = await oras("pull", `${host}/${repository}:1`, "-o", `out/${repository}`, "--json");
      expect(JSON.parse(pulled.stdout), repository).toMatchObject({
        digest: sha256(linuxTool),
        size: linuxTool.length,
      });
      expect(readFileSync(join(dir, "out", repository, "tool"), "utf8")).toBe(linuxTool);
      expect(statSync(join(dir, "out", repository, "tool")).mode & 0o111).toBe(0o111);
    }
  });

  test("a folder with links, and several files: the same tree as `oras pull` gives", async (context) => {
    const { dir, host, oras, peer } = site(context);
    mkdirSync(join(dir, "kit/bin"), { recursive: true });
    writeFileSync(join(dir, "kit/bin/tool"), linuxTool, { mode: 0o755 });
    writeFileSync(join(dir, "kit/empty"), "");
    symlinkSync("bin/tool", join(dir, "kit/link"));
    writeFileSync(join(dir, "README"), "read me");
    peer("oras", "push", "--plain-http", `${host}/p/kit:1`, "kit", "README");
    peer("oras", "pull", "--plain-http", `${host}/p/kit:1`, "-o", "theirs");
    const pulled = await oras("pull", `${host}/p/kit:1`, "-o", "ours");
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(execFileSync("diff", ["-r", "theirs", "ours"], { cwd: dir, encoding: "utf8" })).toBe("");
    expect(readFileSync(join(dir, "ours/kit/link"), "utf8")).toBe(linuxTool);
  });
});

describe("what we pushed", () => {
  test("oras pulls a file and a folder, crane reads manifest, index and blob", async (context) => {
    const { dir, host, oras, peer } = site(context);
    mkdirSync(join(dir, "kit/bin"), { recursive: true });
    writeFileSync(join(dir, "kit/bin/tool"), linuxTool, { mode: 0o755 });
    writeFileSync(join(dir, "tool"), linuxTool);
    const folder = await oras("push", `${host}/o/kit:1`, "kit", "--compression", "gzip");
    expect(folder.exitCode, folder.stderr).toBe(0);
    const small = await oras("push", `${host}/o/small:1`, "kit");
    expect(small.exitCode, small.stderr).toBe(0);
    const index = await oras(
      "push",
      `${host}/o/tool:1`,
      "--platform",
      "linux-x86_64=tool",
      "--platform",
      "darwin-arm64=tool",
      "--json",
    );
    expect(index.exitCode, index.stdout).toBe(0);
    peer("oras", "pull", "--plain-http", `${host}/o/kit:1`, "-o", "kit-out");
    expect(readFileSync(join(dir, "kit-out/kit/bin/tool"), "utf8")).toBe(linuxTool);
    // `oras` unpacks gzip only: another folder is an archive to it, with a name that says so.
    peer("oras", "pull", "--plain-http", `${host}/o/small:1`, "-o", "small-out");
    execFileSync(requireProgram(context, "tar"), ["-xf", "kit.tar.zst"], { cwd: join(dir, "small-out") });
    expect(readFileSync(join(dir, "small-out/kit/bin/tool"), "utf8")).toBe(linuxTool);
    peer("oras", "pull", "--plain-http", "--platform", "linux/amd64", `${host}/o/tool:1`, "-o", "tool-out");
    expect(readFileSync(join(dir, "tool-out/tool"), "utf8")).toBe(linuxTool);
    const { digest } = JSON.parse(index.stdout) as { digest: string };
    expect(peer("crane", "digest", "--insecure", `${host}/o/tool:1`).trim()).toBe(digest);
    expect(peer("crane", "blob", "--insecure", `${host}/o/tool@${sha256(linuxTool)}`)).toBe(linuxTool);
    expect(peer("crane", "validate", "--insecure", "--fast", "--remote", `${host}/o/tool:1`)).not.toContain("FAIL");
    expect((await oras("list", `${host}/o/tool`)).stdout).toBe("1\n");
  });

  test.for(["none", "gzip", "zstd"])(
    "--compression %s: oras, crane and skopeo take an index whole",
    async (compression, context) => {
      const { dir, host, oras, peer } = site(context);
      const program = Buffer.concat([Buffer.from(linuxTool), Buffer.alloc(300_000, "what compresses well ")]);
      mkdirSync(join(dir, "kit/bin"), { recursive: true });
      writeFileSync(join(dir, "kit/bin/tool"), program, { mode: 0o755 });
      const platforms = ["--platform", "linux-x86_64=kit", "--platform", "darwin-arm64=kit/bin/tool"];
      const reference = `${host}/${compression}/tool:1`;
      const pushed = await oras("push", reference, ...platforms, "--compression", compression, "--json");
      expect(pushed.exitCode, pushed.stdout).toBe(0);
      const { digest } = JSON.parse(pushed.stdout) as { digest: string };

      expect(peer("crane", "validate", "--insecure", "--fast", "--remote", reference)).not.toContain("FAIL");
      peer("crane", "copy", "--insecure", reference, `${host}/${compression}/by-crane:1`);
      const plain = ["--from-plain-http", "--to-plain-http"];
      peer("oras", "copy", ...plain, reference, `${host}/${compression}/by-oras:1`);
      const insecure = ["--src-tls-verify=false", "--dest-tls-verify=false"];
      peer(
        "skopeo",
        "copy",
        "--all",
        ...insecure,
        `docker://${reference}`,
        `docker://${host}/${compression}/by-skopeo:1`,
      );
      for (const by of ["crane", "oras", "skopeo"]) {
        const copied = `${host}/${compression}/by-${by}:1`;
        expect(peer("crane", "digest", "--insecure", copied).trim(), by).toBe(digest);
        const pulled = await oras("pull", copied, "--platform", "darwin-arm64", "-o", `by-${by}`);
        expect(pulled.exitCode, pulled.stderr).toBe(0);
        expect(readFileSync(join(dir, `by-${by}/tool`)).equals(program), by).toBe(true);
      }
      peer("oras", "pull", "--plain-http", "--platform", "darwin/arm64", reference, "-o", "pulled");
      expect(readdirSync(join(dir, "pulled"))).toEqual([
        { none: "tool", gzip: "tool.gz", zstd: "tool.zst" }[compression],
      ]);
    },
  );

  test("the same files make the same digests, wherever they are and whatever their times and modes", async (context) => {
    const { dir, oras } = site(context);
    const digests: string[] = [];
    for (const name of ["one", "two"]) {
      mkdirSync(join(dir, name, "kit/bin"), { recursive: true });
      writeFileSync(join(dir, name, "kit/bin/tool"), linuxTool);
      writeFileSync(join(dir, name, "kit/a"), "a");
      chmodSync(join(dir, name, "kit/a"), name === "one" ? 0o600 : 0o664);
      const pushed = await oras(
        "push",
        `oci:layout:${name}`,
        `${name}/kit`,
        "--annotation",
        "b=2",
        "--annotation",
        "a=1",
        "--json",
      );
      digests.push((JSON.parse(pushed.stdout) as { digest: string }).digest);
    }
    expect(digests[0]).toBe(digests[1]);
  });
});

test("Docker's types: an image index of schema 2, its platform chosen", async (context) => {
  const { dir, host, oras, peer } = site(context);
  writeFileSync(join(dir, "tool"), linuxTool);
  const pushed = await oras(
    "push",
    "oci:layout:1",
    "--platform",
    "linux-x86_64=tool",
    "--platform",
    "darwin-arm64=tool",
  );
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.v2+json",
    config: { mediaType: "application/vnd.docker.container.image.v1+json", digest: sha256("{}"), size: 2 },
    layers: [
      { mediaType: "application/vnd.docker.image.rootfs.diff.tar", digest: sha256(linuxTool), size: linuxTool.length },
    ],
  };
  const text = JSON.stringify(manifest);
  const index = {
    schemaVersion: 2,
    mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
    manifests: [
      {
        mediaType: manifest.mediaType,
        digest: sha256(text),
        size: text.length,
        platform: { os: "linux", architecture: "amd64" },
      },
    ],
  };
  writeFileSync(join(dir, "config"), "{}");
  writeFileSync(join(dir, "manifest"), text);
  writeFileSync(join(dir, "index"), JSON.stringify(index));
  peer("oras", "blob", "push", "--plain-http", `${host}/d/tool`, "config");
  peer("oras", "blob", "push", "--plain-http", `${host}/d/tool`, "tool");
  peer(
    "oras",
    "manifest",
    "push",
    "--plain-http",
    "--media-type",
    manifest.mediaType,
    `${host}/d/tool@${sha256(text)}`,
    "manifest",
  );
  peer("oras", "manifest", "push", "--plain-http", "--media-type", index.mediaType, `${host}/d/tool:1`, "index");
  const pulled = await oras("pull", `${host}/d/tool:1`, "--platform", "linux-x86_64", "-o", "out", "--json");
  expect(JSON.parse(pulled.stdout)).toMatchObject({ digest: sha256(linuxTool), platform: "linux-x86_64" });
  // A layer without a title is named after the repository.
  expect(readdirSync(join(dir, "out"))).toEqual(["tool"]);
});

test("a container image of several layers is refused with a hint, not half unpacked", async (context) => {
  const { dir, host, oras, peer } = site(context);
  for (const name of ["a", "b"]) {
    mkdirSync(join(dir, name));
    writeFileSync(join(dir, name, "file"), name);
    execFileSync("tar", ["cf", `${name}.tar`, name], { cwd: dir });
  }
  peer("crane", "append", "--insecure", "-f", "a.tar", "-f", "b.tar", "-t", `${host}/i/image:1`);
  const ran = await oras("pull", `${host}/i/image:1`, "-o", "out");
  expect(ran.exitCode).toBe(65);
  expect(ran.stderr).toMatch(/2 layers, of which 2 have no name[\s\S]*container image/);
});
