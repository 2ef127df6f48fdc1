/** Artifacts as other clients write them. */
import { execFileSync } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { rawLayout, tagged } from "../support/raw-layout.ts";
import type { Ran } from "../support/run.ts";

function call(dir: string, ...args: readonly string[]): Promise<Ran> {
  return oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
}

test("`oras push REF .`: unpacked into the output folder itself, new or existing, and locked", async (context) => {
  const program = requireProgram(context, "oras");
  const dir = temporaryFolder();
  mkdirSync(join(dir, "in/lib"), { recursive: true });
  writeFileSync(join(dir, "in/tool"), "#!/bin/sh\n", { mode: 0o755 });
  writeFileSync(join(dir, "in/lib/data"), "data");
  execFileSync(program, ["push", "--oci-layout", "../layout:1", "."], { cwd: join(dir, "in"), stdio: "pipe" });
  mkdirSync(join(dir, "existing"));
  writeFileSync(join(dir, "existing/other"), "stays");
  for (const out of ["new", "existing"]) {
    const pulled = await call(dir, "pull", "oci:layout:1", "-o", out);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readFileSync(join(dir, out, "lib/data"), "utf8")).toBe("data");
  }
  expect(readdirSync(join(dir, "existing")).sort()).toEqual(["lib", "other", "tool"]);
  const added = await call(dir, "lock", "add", "tool", "oci:layout:1");
  expect(added.exitCode, added.stderr).toBe(0);
  const { tools } = parseLock(readFileSync(join(dir, "oras.lock.json"), "utf8"), "lock");
  expect(tools.tool?.platforms.any?.layers).toMatchObject([{ executable: "tool", format: "tar.gz" }]);
  expect(tools.tool?.platforms.any?.layers[0]?.unpackInto).toBeUndefined();
  expect((await call(dir, "lock", "check", "--online")).exitCode).toBe(0);
});

test("copy: a referrer that is an OCI 1.1-rc artifact manifest comes along as it is", async () => {
  const dir = temporaryFolder();
  const layout = rawLayout(join(dir, "from"));
  const tool = layout.manifest({ tool: "x" });
  const attached = layout.blob("signature", "application/octet-stream");
  const document = { mediaType: mediaTypes.ociArtifact, artifactType: "x/signature", blobs: [attached], subject: tool };
  const referrer = layout.blob(JSON.stringify(document), mediaTypes.ociArtifact);
  layout.entries([tagged(tool, "1"), referrer]);
  const copied = await call(dir, "copy", "oci:from:1", "oci:to:1", "--json");
  expect(copied.exitCode, copied.stderr + copied.stdout).toBe(0);
  expect(JSON.parse(copied.stdout).manifestsCopied).toBe(2);
  for (const { digest } of [referrer, attached]) {
    const path = join("blobs/sha256", digest.slice("sha256:".length));
    expect(readFileSync(join(dir, "to", path))).toEqual(readFileSync(join(dir, "from", path)));
  }
});

test("copy: an index that refers to a manifest in it comes along, and the copy ends", async () => {
  const dir = temporaryFolder();
  const layout = rawLayout(join(dir, "from"));
  const tool = layout.manifest({ tool: "x" });
  const { mediaType } = layout.index([]);
  const document = { schemaVersion: 2, mediaType, artifactType: "x/all", manifests: [tool], subject: tool };
  const referrer = layout.blob(JSON.stringify(document), mediaType);
  layout.entries([tagged(tool, "1"), referrer]);
  const copied = await call(dir, "copy", "oci:from:1", "oci:to:1", "--json", "--timeout", "5");
  expect(copied.exitCode, copied.stderr + copied.stdout).toBe(0);
  expect(JSON.parse(copied.stdout).manifestsCopied).toBe(2);
});

test("a link that leads out of its folder layer is refused by pull, and not locked either", async (context) => {
  const program = requireProgram(context, "oras");
  const dir = temporaryFolder();
  mkdirSync(join(dir, "in/folder"), { recursive: true });
  writeFileSync(join(dir, "in/tool"), "x");
  symlinkSync("../tool", join(dir, "in/folder/link"));
  const pushed = ["push", "--oci-layout", "../layout:1", "tool", "folder"];
  execFileSync(program, pushed, { cwd: join(dir, "in"), stdio: "pipe" });
  for (const args of [
    ["pull", "oci:layout:1", "-o", "out"],
    ["lock", "add", "tool", "oci:layout:1"],
  ]) {
    const ran = await call(dir, ...args);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toMatch(/ARCHIVE_UNSAFE\][\s\S]*link "link" that leads outside/);
  }
});
