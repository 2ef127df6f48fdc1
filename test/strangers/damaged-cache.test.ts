/** Bytes in the cache that are no longer what their name says, met by what only looks at them. Belongs into test/strangers/. */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  closeSync,
  mkdirSync,
  openSync,
  readFileSync,
  readSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";
import { succeeding } from "../support/succeeding.ts";

const lockName = "oras.lock.json";

interface Locked {
  readonly tools: Record<string, { readonly platforms: Record<string, { readonly layers: readonly Layer[] }> }>;
}

interface Layer {
  readonly digest: string;
  readonly format: string;
}

async function projectWithTar(): Promise<LayoutProject> {
  const project = await layoutProject();
  mkdirSync(join(project.dir, "content/bin"), { recursive: true });
  writeFileSync(join(project.dir, "content/bin/tool"), "#!/bin/sh\necho tool\n");
  chmodSync(join(project.dir, "content/bin/tool"), 0o755);
  execFileSync("/bin/tar", ["-cf", "tool.tar", "-C", "content", "."], { cwd: project.dir });
  await succeeding(project.oras(["push", "oci:layout:tar", "tool.tar", "--compression", "none"]));
  return project;
}

function layersOf(project: LayoutProject): readonly Layer[] {
  const { tools } = JSON.parse(readFileSync(join(project.dir, lockName), "utf8")) as Locked;
  return tools.tool?.platforms.any?.layers ?? [];
}

function cached(project: LayoutProject, digest: string): string {
  const hex = digest.slice("sha256:".length);
  return join(project.cacheDir, "oras", hex.slice(0, 2), hex);
}

/** Same inode, same size: only a hash tells. */
function damage(path: string): void {
  chmodSync(path, 0o644);
  const file = openSync(path, "r+");
  const head = Buffer.alloc(512);
  readSync(file, head, 0, head.length, 0);
  writeSync(
    file,
    head.map((byte) => byte ^ 0xff),
    0,
    head.length,
    0,
  );
  closeSync(file);
}

test.each([
  ["lock", "add", "tool", "oci:layout:tar"],
  ["lock", "update"],
])("%s %s: a damaged tar in the cache is fetched anew and locked as what it is", async (...args) => {
  const project = await projectWithTar();
  await succeeding(project.oras(["lock", "add", "tool", "oci:layout:tar"]));
  const before = readFileSync(join(project.dir, lockName), "utf8");
  const [layer] = layersOf(project);
  expect(layer?.format).toBe("tar");
  damage(cached(project, layer?.digest ?? ""));
  if (args[1] === "add") rmSync(join(project.dir, lockName));
  const ran = await project.oras(args.filter((one) => one !== undefined));
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(readFileSync(join(project.dir, lockName), "utf8")).toBe(before);
});

test("pull --extract: a damaged tar in the cache is fetched anew and unpacked", async () => {
  const project = await projectWithTar();
  await succeeding(project.oras(["lock", "add", "tool", "oci:layout:tar"]));
  const [layer] = layersOf(project);
  damage(cached(project, layer?.digest ?? ""));
  const ran = await project.oras(["pull", "oci:layout:tar", "-o", "out", "--extract"]);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(readFileSync(join(project.dir, "out/bin/tool"), "utf8")).toContain("echo tool");
});
