/** Which platform an artifact is for, as other clients and build systems say it. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parseLock } from "../../src/lockfile/file.ts";
import type { LockedTool } from "../../src/lockfile/schema.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { platformStrings } from "../../src/model/platform.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { type RawDescriptor, type RawLayout, rawLayout, tagged } from "../support/raw-layout.ts";
import type { Ran } from "../support/run.ts";

interface Project {
  readonly dir: string;
  readonly layout: RawLayout;
  readonly oras: (...args: readonly string[]) => Promise<Ran>;
  readonly locked: () => LockedTool | undefined;
}

function project(): Project {
  const dir = temporaryFolder();
  return {
    dir,
    layout: rawLayout(join(dir, "layout")),
    oras: (...args) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } }),
    locked: () => parseLock(readFileSync(join(dir, "oras.lock.json"), "utf8"), "lock").tools.tool,
  };
}

const amd64 = { os: "linux", architecture: "amd64" };
const arm64 = { os: "linux", architecture: "arm64" };

function on(platform: Readonly<Record<string, unknown>>, descriptor: RawDescriptor): RawDescriptor {
  return { ...descriptor, platform };
}

test("a single manifest whose config states a platform: locked as this platform; another one is not found", async () => {
  const { layout, oras, locked } = project();
  const config = layout.blob(JSON.stringify(amd64), mediaTypes.ociConfig);
  layout.entries([tagged(layout.manifest({ tool: "linux" }, config), "1")]);
  expect((await oras("lock", "add", "tool", "oci:layout:1")).exitCode).toBe(0);
  expect(Object.keys(locked()?.platforms ?? {})).toEqual(["linux-x86_64"]);
  expect((await oras("lock", "check", "--online")).exitCode).toBe(0);
  expect((await oras("pull", "oci:layout:1", "--platform", "linux-x86_64", "-o", "out")).exitCode).toBe(0);
  const other = await oras("pull", "oci:layout:1", "--platform", "darwin-arm64", "-o", "out");
  expect(other.exitCode).toBe(66);
  expect(other.stderr).toMatch(
    /platform darwin-arm64 not found.*its only manifest is for linux\/amd64[\s\S]*linux-x86_64/,
  );
  expect((await oras("lock", "add", "tool", "oci:layout:1", "--platform", "darwin-arm64")).exitCode).toBe(66);
  expect(JSON.parse((await oras("info", "oci:layout:1", "--json")).stdout).platforms[0].platform).toBe("linux-x86_64");
});

test("an index of one manifest without a platform is for all: for pull, info and the lock alike", async () => {
  const { dir, layout, oras, locked } = project();
  layout.entries(["1", "1-linux-x86_64"].map((tag) => tagged(layout.index([layout.manifest({ tool: "any" })]), tag)));
  expect((await oras("pull", "oci:layout:1", "-o", "out")).exitCode).toBe(0);
  expect(JSON.parse((await oras("info", "oci:layout:1", "--json")).stdout).platforms).toMatchObject([
    { platform: null },
  ]);
  const rows = [
    ["oci:layout:1", [], platformStrings],
    ["oci:layout:1", ["--platform", "darwin-arm64"], ["darwin-arm64"]],
    ["oci:layout:1-{platform}", [], ["linux-x86_64"]],
  ] as const;
  for (const [reference, options, platforms] of rows) {
    const ran = await oras("lock", "add", "tool", reference, ...options);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(Object.keys(locked()?.platforms ?? {})).toEqual([...platforms].sort());
    expect(await oras("lock", "check", "--online")).toMatchObject({ exitCode: 0 });
  }
  expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe("any");
});

test("a template: the tag's name decides, whatever the config states", async () => {
  const { layout, oras, locked } = project();
  const config = layout.blob(JSON.stringify(amd64), mediaTypes.ociConfig);
  layout.entries([tagged(layout.manifest({ tool: "mac" }, config), "1-darwin-arm64")]);
  expect((await oras("lock", "add", "tool", "oci:layout:1-{platform}")).exitCode).toBe(0);
  expect(Object.keys(locked()?.platforms ?? {})).toEqual(["darwin-arm64"]);
  expect((await oras("lock", "check", "--online")).exitCode).toBe(0);
  expect((await oras("pull", "oci:layout:1-{platform}", "--platform", "darwin-arm64", "-o", "out")).exitCode).toBe(0);
});

test("variants: the baseline is taken, wherever it stands; without a baseline, this is said", async () => {
  const { layout, oras, locked } = project();
  const baseline = layout.manifest({ tool: "any processor" });
  const newer = layout.manifest({ tool: "newer processors" });
  layout.entries([
    tagged(
      layout.index([
        on({ ...amd64, variant: "v3" }, newer),
        on(amd64, baseline),
        on({ ...arm64, variant: "v9" }, newer),
        on({ ...arm64, variant: "v8" }, baseline),
      ]),
      "1",
    ),
    tagged(layout.index([on({ ...amd64, variant: "v4" }, baseline), on({ ...amd64, variant: "v3" }, newer)]), "2"),
  ]);
  await oras("lock", "add", "tool", "oci:layout:1");
  const platforms: LockedTool["platforms"] = locked()?.platforms ?? {};
  expect([platforms["linux-x86_64"]?.manifest, platforms["linux-aarch64"]?.manifest]).toEqual([
    baseline.digest,
    baseline.digest,
  ]);
  const info = JSON.parse((await oras("info", "oci:layout:1", "--json")).stdout);
  expect(info.otherPlatforms.map(({ platform }: { platform: string }) => platform)).toEqual([
    "linux/amd64/v3",
    "linux/arm64/v9",
  ]);
  const said = await oras("lock", "add", "tool", "oci:layout:2");
  expect(said.stderr).toMatch(
    /oci:layout:2 is for linux\/amd64\/v3 alone: its programs may not run on older processors/,
  );
  expect(locked()?.platforms["linux-x86_64"]?.manifest).toBe(newer.digest);
});

test("platforms outside the table are shown by `info`, and in errors", async () => {
  const { layout, oras } = project();
  const manifest = layout.manifest({ tool: "x" });
  const others = [
    { os: "linux", architecture: "s390x" },
    { os: "linux", architecture: "x86_64" },
    { ...arm64, "os.features": ["musl"] },
  ];
  layout.entries([tagged(layout.index(others.map((platform) => on(platform, manifest))), "1")]);
  const shown = await oras("info", "oci:layout:1");
  expect(shown.stdout).toMatch(/linux\/s390x.*\n.*linux\/x86_64.*\n.*linux\/arm64 \(musl\)/);
  for (const args of [
    ["pull", "oci:layout:1", "--platform", "linux-aarch64", "-o", "out"],
    ["lock", "add", "tool", "oci:layout:1"],
  ]) {
    const failed = await oras(...args);
    expect(failed.exitCode).toBe(66);
    expect(failed.stderr).toContain("linux/s390x, linux/x86_64, linux/arm64 (musl)");
  }
});

test("an index of which the source has some manifests: these are locked, and the missing one is named", async () => {
  const { layout, oras, locked } = project();
  const [here, gone] = [layout.manifest({ tool: "here" }), layout.manifest({ tool: "gone" })];
  layout.entries([tagged(layout.index([on(amd64, here), on(arm64, gone)]), "1")]);
  layout.remove(gone.digest);
  const added = await oras("lock", "add", "tool", "oci:layout:1");
  expect(added.exitCode, added.stderr).toBe(0);
  expect(added.stderr).toMatch(
    new RegExp(`manifest for linux-aarch64 \\(${gone.digest}\\).*linux-aarch64 is not locked`),
  );
  expect(Object.keys(locked()?.platforms ?? {})).toEqual(["linux-x86_64"]);
  expect((await oras("lock", "add", "tool", "oci:layout:1", "--platform", "linux-x86_64")).stderr).not.toContain(
    "aarch64",
  );
  for (const args of [
    ["lock", "add", "tool", "oci:layout:1"],
    ["pull", "oci:layout:1", "-o", "out"],
  ]) {
    const failed = await oras(...args, "--platform", "linux-aarch64");
    expect(failed.exitCode).toBe(66);
    expect(failed.stderr).toContain(`the manifest for linux-aarch64 (${gone.digest})`);
  }
});

test("an index inside an index is walked, to a depth of 4", async () => {
  const { dir, layout, oras, locked } = project();
  const [linux, mac] = [layout.manifest({ tool: "linux" }), layout.manifest({ tool: "mac" })];
  // The outer index states the platform of the inner one.
  const inner = layout.index([on(amd64, linux)]);
  const outer = layout.index([on({ os: "darwin", architecture: "arm64" }, layout.index([mac])), inner, inner]);
  let deep = layout.index([on(amd64, linux)]);
  for (let depth = 0; depth < 5; depth += 1) deep = layout.index([deep]);
  layout.entries([tagged(outer, "1"), tagged(deep, "deep")]);
  const added = await oras("lock", "add", "tool", "oci:layout:1");
  expect(added.exitCode, added.stderr).toBe(0);
  expect(Object.keys(locked()?.platforms ?? {})).toEqual(["darwin-arm64", "linux-x86_64"]);
  expect((await oras("lock", "check", "--online")).exitCode).toBe(0);
  for (const more of [[], ["--offline"]]) {
    const pulled = await oras("pull", "oci:layout:1", "--platform", "darwin-arm64", "-o", "out", ...more);
    expect(pulled.exitCode, pulled.stderr).toBe(0);
    expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe("mac");
  }
  const refused = await oras("lock", "add", "tool", "oci:layout:deep");
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr).toContain("more than 4 indexes inside each other");
});

test("a layout without names is its only entry; of several, the error gives the digests to write", async () => {
  const { layout, oras } = project();
  const [one, two] = [layout.manifest({ tool: "one" }), layout.manifest({ tool: "two" })];
  layout.entries([{ ...one, annotations: null }]);
  expect((await oras("pull", "oci:layout", "-o", "out")).exitCode).toBe(0);
  expect((await oras("lock", "add", "tool", "oci:layout")).exitCode).toBe(0);
  layout.entries([one, two]);
  const unclear = await oras("pull", "oci:layout", "-o", "out");
  expect(unclear.exitCode).toBe(66);
  expect(unclear.stderr).toContain(`oci:layout@${two.digest}`);
  expect((await oras("pull", `oci:layout@${two.digest}`, "-o", "out")).exitCode).toBe(0);
  layout.entries([tagged(one, "v1")]);
  expect((await oras("pull", "oci:layout", "-o", "out")).stderr).toContain("oci:layout:v1");
});

test("layers for one path are refused: nothing is placed, nothing locked", async () => {
  const { dir, layout, oras } = project();
  const files = (...titles: readonly string[]): RawDescriptor => {
    const layers = titles.map((title, index) => ({
      ...layout.blob(`bytes ${index}`, "application/octet-stream"),
      annotations: { "org.opencontainers.image.title": title },
    }));
    const config = layout.blob("{}", mediaTypes.empty);
    return layout.blob(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers }),
      mediaTypes.ociManifest,
    );
  };
  for (const titles of [
    ["a", "a"],
    ["Tool", "tool"],
    ["a", "a/b"],
    ["x/y/z", "./x"],
  ]) {
    layout.entries([tagged(files(...titles), "1")]);
    for (const args of [
      ["pull", "oci:layout:1", "-o", "out"],
      ["lock", "add", "tool", "oci:layout:1"],
    ]) {
      const refused = await oras(...args);
      expect(refused.exitCode, titles.join(" ")).toBe(65);
      expect(refused.stderr).toContain("MANIFEST_INVALID");
    }
  }
  expect(readdirSync(dir).filter((name) => name === "out" || name.startsWith("oras.lock"))).toEqual([]);
});

test("config: null is said in plain words", async () => {
  const { layout, oras } = project();
  layout.entries([tagged(layout.manifest({ tool: "x" }, null), "1")]);
  const refused = await oras("pull", "oci:layout:1", "-o", "out");
  expect(refused.exitCode).toBe(65);
  expect(refused.stderr).toContain("it has no `config`");
});
