/** Whoever wrote a package: it comes into a folder of the user's that has things in it. */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";

interface LayerOf {
  readonly title: string;
  readonly body: string | Buffer;
  /** Pushed as `oras push` pushes a folder. */
  readonly isFolder?: boolean;
}

/** Makes a layout of one artifact with these layers, whatever a publisher's own program would say of them. */
function publish(dir: string, layers: readonly LayerOf[]): void {
  const blobs = join(dir, "layout/blobs/sha256");
  mkdirSync(blobs, { recursive: true });
  const write = (bytes: string | Buffer): { digest: string; size: number } => {
    const digest = sha256(bytes);
    writeFileSync(join(blobs, digest.slice("sha256:".length)), bytes);
    return { digest, size: Buffer.byteLength(bytes) };
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: { mediaType: "application/vnd.oci.empty.v1+json", ...write("{}") },
    layers: layers.map(({ title, body, isFolder }) => ({
      mediaType: "application/octet-stream",
      ...write(body),
      annotations: {
        "org.opencontainers.image.title": title,
        ...(isFolder ? { "io.deis.oras.content.unpack": "true" } : {}),
      },
    })),
  };
  const annotations = { "org.opencontainers.image.ref.name": "1" };
  const named = { mediaType: manifest.mediaType, ...write(JSON.stringify(manifest)), annotations };
  writeFileSync(join(dir, "layout/index.json"), JSON.stringify({ schemaVersion: 2, manifests: [named] }));
  writeFileSync(join(dir, "layout/oci-layout"), '{"imageLayoutVersion": "1.0.0"}');
}

function project(layers: readonly LayerOf[]): { dir: string; pull: (...more: string[]) => ReturnType<typeof oras> } {
  const dir = temporaryFolder();
  publish(dir, layers);
  mkdirSync(join(dir, "home/.git/hooks"), { recursive: true });
  const args = ["pull", "oci:../layout:1", "--cache-dir", "../cache"];
  return { dir, pull: (...more) => oras([...args, ...more], { cwd: join(dir, "home") }) };
}

describe("folders of version control", () => {
  const hooks = [
    ".git/hooks/post-checkout",
    ".GIT/config",
    "sub/.Git/config",
    ".g\u200cit/config",
    "GIT~1/config",
    ".hg/hgrc",
    ".sl/config",
    ".git",
  ];

  test.each(hooks)("pull: the title %j is refused, and nothing is written", async (title) => {
    const { dir, pull } = project([
      { title: "readme", body: "fine" },
      { title, body: "#!/bin/sh\n" },
    ]);
    for (const output of [".", "new"]) {
      const ran = await pull("-o", output);
      expect(ran.exitCode, ran.stderr).toBe(65);
      expect(ran.stderr).toMatch(/ARCHIVE_UNSAFE[\s\S]*version control/);
    }
    expect(existsSync(join(dir, "home/readme"))).toBe(false);
    expect(existsSync(join(dir, "home/new"))).toBe(false);
  });

  test.each(hooks)("an archive with %j is not unpacked into a folder that is there", async (name) => {
    const body = rawTar({ name: "readme", body: "fine" }, { name, body: "#!/bin/sh\n" });
    const { dir, pull } = project([{ title: "tool.tar", body }]);
    writeFileSync(join(dir, "tool.tar"), body);
    const cwd = join(dir, "home");
    for (const ran of [
      await pull("-o", ".", "--extract"),
      await oras(["extract", "../tool.tar", "-o", "."], { cwd }),
    ]) {
      expect(ran.exitCode, ran.stderr).toBe(65);
      expect(ran.stderr).toMatch(/ARCHIVE_UNSAFE[\s\S]*version control/);
    }
    expect(existsSync(join(cwd, "readme"))).toBe(false);
    // Whoever wants to look at it names a new folder.
    const alone = await oras(["extract", "../tool.tar", "-o", "new"], { cwd });
    expect(alone.exitCode, alone.stderr).toBe(0);
  });

  test.each([
    ["whole", ["HEAD", "config", "objects/a", "refs/a"], []],
    ["whole, below a folder", ["d/e/HEAD", "d/e/config", "d/e/objects/a", "d/e/refs/a"], []],
    ["by other letters", ["head", "config", "OBJECTS/a", "Refs/a"], []],
    ["together with what is there", ["config", "HEAD", "d"], ["objects", "refs"]],
    ["together with what is there below", ["d/HEAD", "d/config", "d/objects/a"], ["d/refs"]],
    ["by a `commondir`", ["HEAD", "commondir", "config.worktree", "sub/config", "sub/objects/x"], []],
    ["in one that is there", ["d/config", "d/hooks/x"], ["d/HEAD", "d/objects", "d/refs"]],
    ["below one that is there", ["d/hooks/post-checkout"], ["d/HEAD", "d/objects", "d/refs"]],
  ] as const)(
    "a repository of git that has no name of one, %s, is not unpacked into a folder that is there",
    async (_, names, there) => {
      const body = rawTar(...names.map((name) => ({ name, body: "x" })));
      const { dir, pull } = project([{ title: "tool.tar", body }]);
      writeFileSync(join(dir, "tool.tar"), body);
      const cwd = join(dir, "home");
      for (const name of there) mkdirSync(join(cwd, name), { recursive: true });
      const before = readdirSync(cwd, { recursive: true });
      for (const ran of [
        await pull("-o", ".", "--extract"),
        await oras(["extract", "../tool.tar", "-o", "."], { cwd }),
      ]) {
        expect(ran.exitCode, ran.stderr).toBe(65);
        expect(ran.stderr).toMatch(/ARCHIVE_UNSAFE[\s\S]*makes a repository of its folder/);
      }
      expect(readdirSync(cwd, { recursive: true })).toEqual(before);
      // What only has some of the names is a tool like any other.
      writeFileSync(join(dir, "tool.tar"), rawTar(...names.slice(0, 2).map((name) => ({ name, body: "x" }))));
      const harmless = await oras(["extract", "../tool.tar", "-o", "other"], { cwd });
      expect(harmless.exitCode, harmless.stderr).toBe(0);
    },
  );

  test.each([
    ["by their titles", [{ title: "HEAD" }, { title: "config" }, { title: "objects/x" }, { title: "refs/x" }]],
    [
      "by titles and packed folders",
      [
        { title: "HEAD" },
        { title: "config" },
        { title: "objects", body: rawTar({ name: "objects/x", body: "x" }), isFolder: true },
        { title: "refs", body: rawTar({ name: "refs/x", body: "x" }), isFolder: true },
      ],
    ],
    [
      "by an archive and packed folders with nothing in them",
      [
        { title: "tool.tar", body: rawTar({ name: "HEAD", body: "x" }, { name: "config", body: "x" }) },
        { title: "objects", body: rawTar({ name: "objects/", type: "5" }), isFolder: true },
        { title: "refs", body: rawTar({ name: "refs/", type: "5" }), isFolder: true },
      ],
    ],
    [
      "by an archive and titles",
      [
        { title: "tool.tar", body: rawTar({ name: "HEAD", body: "x" }, { name: "config", body: "x" }) },
        { title: "objects/x" },
        { title: "refs/x" },
      ],
    ],
  ])("several layers that make a repository %s: none that git would obey is there", async (_, layers) => {
    const { dir, pull } = project(layers.map((layer) => ({ body: `x ${layer.title}`, ...layer })));
    const ran = await pull("-o", ".", "--extract");
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toMatch(/ARCHIVE_UNSAFE[\s\S]*makes a repository of its folder/);
    const there = readdirSync(join(dir, "home"));
    expect(["HEAD", "objects", "refs"].every((name) => there.includes(name))).toBe(false);
  });

  test("a layer that is damaged in the cache, while a new folder is made: the second try knows that it was new", async () => {
    const repository = rawTar(
      ...["HEAD", "config", "objects/a", "refs/a"].map((name) => ({ name: `repo/${name}`, body: "x" })),
    );
    const { dir, pull } = project([
      { title: "repo", body: repository, isFolder: true },
      { title: "tool", body: "#!/bin/sh\n" },
    ]);
    expect((await pull("-o", "out1")).exitCode).toBe(0);
    const hex = sha256("#!/bin/sh\n").slice("sha256:".length);
    const blob = join(dir, "cache/oras", hex.slice(0, 2), hex);
    rmSync(blob);
    writeFileSync(blob, "#!/bin/xx\n");
    const ran = await pull("-o", "out2");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(dir, "home/out2/tool"), "utf8")).toBe("#!/bin/sh\n");
  });

  test("a packed folder with one is not unpacked below a folder that is there", async () => {
    const body = rawTar({ name: "sub/.git/config", body: "[core]\nfsmonitor = ./evil\n" });
    const { dir, pull } = project([{ title: "sub", body, isFolder: true }]);
    const ran = await pull("-o", ".");
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(existsSync(join(dir, "home/sub"))).toBe(false);
  });
});

describe("files that were there", () => {
  test("pull: what is replaced is said in one line, and nothing where nothing changes", async () => {
    const { dir, pull } = project([
      { title: "Makefile", body: "new" },
      { title: "sub/tool", body: "tool" },
    ]);
    writeFileSync(join(dir, "home/Makefile"), "mine");
    const first = await pull("-o", ".");
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.stderr).toContain("warning: replaced a file that was there: Makefile\n");
    expect(readFileSync(join(dir, "home/Makefile"), "utf8")).toBe("new");
    const again = await pull("-o", ".");
    expect(again.exitCode, again.stderr).toBe(0);
    expect(again.stderr).not.toContain("replaced");
  });

  test("pull --extract: the same, of the files of an archive", async () => {
    const names = ["a", "b", "c", "d", "e", "f", "g"];
    const body = rawTar(...names.map((name) => ({ name, body: `new ${name}` })));
    const { dir, pull } = project([{ title: "tool.tar", body }]);
    for (const name of names) writeFileSync(join(dir, "home", name), name === "b" ? "new b" : "old");
    const first = await pull("-o", ".", "--extract");
    expect(first.exitCode, first.stderr).toBe(0);
    expect(first.stderr).toContain("warning: replaced 6 files that were there: a, c, d, e, f, …\n");
    const again = await pull("-o", ".", "--extract");
    expect(again).toMatchObject({ exitCode: 0 });
    expect(again.stderr).not.toContain("replaced");
  });

  test("a folder in the place of a file stays, and is said to be in the way", async () => {
    for (const extract of [[], ["--extract"]]) {
      const body = rawTar({ name: "src", body: "a file" });
      const { dir, pull } = project([{ title: extract.length === 0 ? "src" : "tool.tar", body }]);
      mkdirSync(join(dir, "home/src/deep"), { recursive: true });
      const ran = await pull("-o", ".", ...extract);
      expect(ran.exitCode, ran.stderr).toBe(74);
      expect(ran.stderr).toMatch(/src/);
      expect(statSync(join(dir, "home/src/deep")).isDirectory()).toBe(true);
    }
  });
});

describe("links of a checkout", () => {
  const body = "#!/bin/sh\n";
  const digest = sha256(body);

  function checkout(): { cwd: string; outside: string; run: (...args: string[]) => ReturnType<typeof oras> } {
    const { dir } = project([{ title: "pre-push", body }]);
    const cwd = join(dir, "home");
    mkdirSync(join(dir, "outside"));
    for (const folder of ["sub", ".jj/new"]) mkdirSync(join(cwd, folder), { recursive: true });
    symlinkSync(".git/hooks", join(cwd, "hookdir"));
    symlinkSync(".git", join(cwd, "meta"));
    symlinkSync("../.jj", join(cwd, "sub/link"));
    symlinkSync("../outside", join(cwd, "outlink"));
    writeFileSync(join(cwd, ".buckroot"), "");
    writeFileSync(join(cwd, "hooks.tar"), rawTar({ name: "hooks/pre-push", body }));
    writeFileSync(join(cwd, "one.gz"), gzipSync(body));
    const cache = ["--cache-dir", "../cache"];
    return { cwd, outside: join(dir, "outside"), run: (...args) => oras([...args, ...cache], { cwd }) };
  }

  const pull = ["pull", "oci:../layout:1", "-o"];
  const blob = ["blob", `oci:../layout@${digest}`, "--size", String(body.length), "--executable", "-o"];
  const extract = ["extract", "hooks.tar", "-o"];
  const single = ["extract", "one.gz", "--single", "--executable", "-o"];

  const ledAstray = [
    [...pull, "hookdir"],
    [...pull, "meta/hooks"],
    [...pull, "sub/link/new/deep"],
    [...blob, "hookdir/pre-push"],
    [...blob, "hookdir/../pre-push"],
    [...blob, "meta/new/pre-push"],
    [...extract, "meta"],
    [...extract, "sub/link"],
    [...single, "hookdir/pre-push"],
    [...single, "meta/hooks/pre-push"],
  ].map((args) => ({ args, title: `${args[0]} -o ${args.at(-1)}` }));

  test.each(ledAstray)("$title: no link leads an output into a folder of version control", async ({ args }) => {
    const { cwd, run } = checkout();
    const ran = await run(...args);
    expect(readdirSync(join(cwd, ".git"))).toEqual(["hooks"]);
    expect(readdirSync(join(cwd, ".git/hooks"))).toEqual([]);
    expect(readdirSync(join(cwd, ".jj/new"))).toEqual([]);
    // What `..` behind a link means is told by the text alone.
    if (args.at(-1) === "hookdir/../pre-push") {
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(readFileSync(join(cwd, "pre-push"), "utf8")).toBe(body);
      return;
    }
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(/LOCAL_IO\]: .* leads to .*version control[\s\S]*hint: name that folder itself/);
  });

  test("whoever names a folder of version control himself writes there", async () => {
    const { cwd, run } = checkout();
    for (const args of [
      [...pull, ".git/hooks"],
      [...blob, ".git/hooks/post-merge"],
      [...extract, ".git"],
      [...single, join(cwd, ".git/hooks/update")],
    ]) {
      const ran = await run(...args);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    }
    expect(readdirSync(join(cwd, ".git/hooks")).sort()).toEqual(["post-merge", "pre-push", "update"]);
  });

  test("pull: an output that a link leads out of the project is told", async () => {
    const { outside, run } = checkout();
    for (const output of ["outlink", "outlink/sub"]) {
      const ran = await run(...pull, output);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(ran.stderr).toContain(
        `warning: "${output}" leads to "${output.replace("outlink", outside)}", which is not in the project\n`,
      );
    }
    // Whoever says where it is knows.
    for (const output of [outside, "../outside", "inside"]) {
      const ran = await run(...pull, output);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(ran.stderr).not.toContain("warning");
    }
  });

  test("blob, extract: a build folder that is a link to another disk is written to without a word", async () => {
    const { outside, run } = checkout();
    for (const args of [
      [...blob, "outlink/gen/tool"],
      [...extract, "outlink/gen/tools"],
    ]) {
      const ran = await run(...args);
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
      expect(ran.stderr).not.toContain("warning");
    }
    expect(readdirSync(join(outside, "gen")).sort()).toEqual(["tool", "tools"]);
  });
});

test("folders that are made have one mode, under a umask of 000 as well", async () => {
  const { dir, pull } = project([{ title: "tool", body: "tool" }]);
  const cwd = join(dir, "home");
  writeFileSync(join(dir, "tool.tar"), rawTar({ name: "tool", body: "tool" }));
  const digest = sha256("tool");
  const before = process.umask(0);
  try {
    for (const ran of [
      await pull("-o", "pulled/sub"),
      await oras(["extract", "../tool.tar", "-o", "extracted/sub"], { cwd }),
      await oras(["blob", `oci:../layout@${digest}`, "--size", "4", "-o", "blob/sub/tool", "--cache-dir", "../cache"], {
        cwd,
      }),
      await oras(["copy", "oci:../layout:1", "oci:copied/sub:1", "--cache-dir", "../cache"], { cwd }),
    ]) {
      expect(ran, ran.stderr).toMatchObject({ exitCode: 0 });
    }
  } finally {
    process.umask(before);
  }
  const made = ["pulled", "pulled/sub", "extracted", "extracted/sub", "blob", "blob/sub", "copied", "copied/sub/blobs"];
  for (const path of made)
    expect(`${path} ${(statSync(join(cwd, path)).mode & 0o777).toString(8)}`).toBe(`${path} 755`);
});
