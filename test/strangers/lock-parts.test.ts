/** A change of a lock that leaves the familiar reference and digest alone, and has a build fetch something else. */
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { formatLock, parseLock } from "../../src/lockfile/file.ts";
import type { LockedTool } from "../../src/lockfile/schema.ts";
import { rawTar } from "../archive/raw-tar.ts";
import { darwinTool, type LayoutProject, layoutProject, linuxTool, sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { succeeding } from "../support/succeeding.ts";

const lockName = "oras.lock.json";

/** With the tool `tool` in its lock. */
async function locked(reference = "oci:layout:1.0"): Promise<LayoutProject> {
  const project = await layoutProject();
  await succeeding(project.oras(["lock", "add", "tool", reference]));
  return project;
}

type Change = (tool: Record<string, unknown> & LockedTool) => unknown;

/** Changes the tool as who knows the written form of the lock. */
function tamper({ dir }: LayoutProject, change: Change): void {
  const file = join(dir, lockName);
  const lock = JSON.parse(readFileSync(file, "utf8"));
  change(lock.tools.tool);
  writeFileSync(file, formatLock(lock));
}

const check = ["lock", "check"];
const online = ["lock", "check", "--online"];
const copy = ["copy", "--lock", lockName, "oci:taken"];

async function expectRefused(project: LayoutProject, commands: readonly (readonly string[])[], text: RegExp) {
  for (const args of commands) {
    const ran = await project.oras(args);
    expect(ran.exitCode, `${args.join(" ")}: ${ran.stdout}${ran.stderr}`).toBe(78);
    expect(ran.stderr).toMatch(text);
    expect(ran.stderr).toMatch(/ {2}hint: .*lock (update tool|add)/);
  }
  expect(existsSync(join(project.dir, "taken"))).toBe(false);
}

describe("lock check, without asking anybody", () => {
  test.each<[string, Change, RegExp]>([
    [
      "another repository than the reference's",
      (tool) => Object.assign(tool.platforms["linux-x86_64"] ?? {}, { repository: "evil.example/t/tool" }),
      /error\[LOCK_OUTDATED\].* tool has the repository evil\.example\/t\/tool for linux-x86_64, and oci:layout:1\.0 gives oci:layout/,
    ],
    [
      "a layer whose content has another digest, though nothing decompresses it",
      (tool) => Object.assign(tool.platforms["linux-x86_64"]?.layers[0] ?? {}, { digest: sha256("other") }),
      /error\[LOCK_OUTDATED\].* tool has the contentDigest sha256:[0-9a-f]{64} for linux-x86_64, and the digest sha256:/,
    ],
    [
      "a tool without the digest that a tag is compared with",
      (tool) => Object.assign(tool, { digest: undefined }),
      /error\[LOCK_OUTDATED\].* tool has no digest for oci:layout:1\.0/,
    ],
    [
      "a template with a digest",
      (tool) => Object.assign(tool, { reference: "oci:layout:1-{platform}" }),
      /error\[LOCK_OUTDATED\].* tool has a digest for the template/,
    ],
  ])("%s is refused by it and by copy", async (_, change, text) => {
    const project = await locked();
    tamper(project, change);
    await expectRefused(project, [check, online, copy], text);
  });

  test("the manifest of an artifact without platforms is the digest", async () => {
    const project = await layoutProject();
    await succeeding(project.oras(["push", "oci:layout:one", "linux-x86_64/tool"]));
    await succeeding(project.oras(["lock", "add", "tool", "oci:layout:one"]));
    tamper(project, (tool) => Object.assign(tool.platforms.any ?? {}, { manifest: sha256("evil") }));
    await expectRefused(project, [check, online, copy], /tool has the manifest .* for any, and the digest sha256:/);
  });

  test.each<[string, string]>([
    ["executable", "../../../bin/sh"],
    ["executable", "/bin/sh"],
    ["include", "include/../.."],
    ["unpackInto", "../.."],
    ["title", "../../.bashrc"],
    ["title", "."],
    ["title", "C:\\tool"],
  ])("%s %s is in no lock", async (key, path) => {
    const project = await locked();
    tamper(project, (tool) => Object.assign(tool.platforms["linux-x86_64"]?.layers[0] ?? {}, { [key]: path }));
    await expectRefused(project, [check, copy], new RegExp(`error\\[LOCK_INVALID\\].*${key}.*relative path`));
  });
});

test("lock add: a title that no lock may have is refused, and no lock is made", async () => {
  const project = await layoutProject();
  const layout = ["push", "oci:layout:bad", "linux-x86_64/tool", "--title", "good-name"];
  await succeeding(project.oras(layout));
  const index = JSON.parse(readFileSync(join(project.dir, "layout/index.json"), "utf8"));
  const pushed = index.manifests.at(-1);
  const blob = (digest: string): string => join(project.dir, "layout/blobs/sha256", digest.slice("sha256:".length));
  const text = readFileSync(blob(pushed.digest), "utf8").replaceAll("good-name", "../.bashr");
  Object.assign(pushed, { digest: sha256(text), size: text.length });
  writeFileSync(blob(pushed.digest), text);
  writeFileSync(join(project.dir, "layout/index.json"), JSON.stringify(index));
  const ran = await project.oras(["lock", "add", "tool", "oci:layout:bad"]);
  expect(ran.exitCode, ran.stderr).toBe(65);
  expect(ran.stderr).toMatch(
    /error\[ARCHIVE_UNSAFE\].*names a file "\.\.\/\.bashr"[\s\S]*hint: tell the publisher .*nothing was locked/,
  );
  expect(existsSync(join(project.dir, lockName))).toBe(false);
});

test("lock add: an executable that only some systems can have is refused, and no lock is made", async () => {
  const project = await layoutProject();
  writeFileSync(join(project.dir, "tool.tar"), rawTar({ name: "bin/a:b", mode: 0o755, body: "#!/bin/sh\n" }));
  await succeeding(project.oras(["push", "oci:layout:colon", "tool.tar"]));
  const ran = await project.oras(["lock", "add", "tool", "oci:layout:colon"]);
  expect(ran.exitCode, ran.stderr).toBe(65);
  expect(ran.stderr).toMatch(/error\[ARCHIVE_UNSAFE\].*names a file "bin\/a:b"/);
  expect(existsSync(join(project.dir, lockName))).toBe(false);
});

describe("lock check --online and copy --lock", () => {
  test.each<[string, object, RegExp]>([
    [
      "the digest of a layer",
      { digest: sha256(darwinTool), contentDigest: sha256(darwinTool) },
      /the digest sha256:\w+, and its/,
    ],
    ["the size of a layer", { size: 1 }, /the size 1, and its manifest \d+, for linux-x86_64/],
    ["the media type", { mediaType: "text/evil" }, /the mediaType text\/evil, and its manifest/],
    ["the title", { title: "other" }, /the title other, and its manifest tool,/],
    ["the folder to unpack into", { unpackInto: "other" }, /the unpackInto other, and its manifest nothing,/],
  ])("%s is compared with the manifest", async (_, change, text) => {
    const project = await locked();
    tamper(project, (tool) => Object.assign(tool.platforms["linux-x86_64"]?.layers[0] ?? {}, change));
    await succeeding(project.oras(check));
    await expectRefused(project, [online, copy], text);
    await succeeding(project.oras(["lock", "update", "tool"]));
    for (const args of [online, copy]) await succeeding(project.oras(args));
  });

  test("a layer more is compared with the manifest", async () => {
    const project = await locked();
    tamper(project, ({ platforms }) => {
      const layers = platforms["linux-x86_64"]?.layers as unknown[];
      layers.push(layers[0]);
    });
    await expectRefused(project, [online, copy], /has 2 layers, and its manifest 1, for linux-x86_64/);
  });

  test("a manifest is one that the index names for its platform", async () => {
    const project = await locked();
    tamper(project, ({ platforms }) => {
      Object.assign(platforms, { "linux-x86_64": platforms["darwin-arm64"] });
    });
    await expectRefused(
      project,
      [online, copy],
      /has the manifest sha256:\w+, which its reference's digest sha256:\w+ does not name/,
    );
  });

  test("a template's layers are compared, too", async () => {
    const project = await layoutProject();
    await succeeding(project.oras(["push", "oci:layout:1-linux-x86_64", "linux-x86_64/tool"]));
    await succeeding(project.oras(["lock", "add", "tool", "oci:layout:1-{platform}"]));
    for (const args of [online, copy]) await succeeding(project.oras(args));
    rmSync(join(project.dir, "taken"), { recursive: true });
    const evil = { digest: sha256(darwinTool), contentDigest: sha256(darwinTool) };
    tamper(project, (tool) => Object.assign(tool.platforms["linux-x86_64"]?.layers[0] ?? {}, evil));
    await expectRefused(project, [online, copy], /has the digest/);
  });

  test("a manifest is asked for once, by its digest, and kept", async () => {
    const { host, seen } = await startServer(serveTool(linuxTool));
    const project = await locked(`${host}/t/tool:1`);
    const manifest = parseLock(readFileSync(join(project.dir, lockName), "utf8"), lockName).tools.tool?.digest ?? "";
    const asked = (): number => seen.filter(({ method, url }) => method === "GET" && url.includes(manifest)).length;
    await succeeding(project.oras(online));
    expect(asked()).toBe(0);
    rmSync(project.cacheDir, { recursive: true });
    for (const _ of ["asked", "kept"]) await succeeding(project.oras(online));
    expect(asked()).toBe(1);
  });
});
