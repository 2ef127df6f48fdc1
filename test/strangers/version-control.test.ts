/** Whoever wrote a package: nothing of it becomes a folder that version control runs things from. */
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { neverAborted, temporaryFile } from "../archive/folders.ts";
import { rawTar } from "../archive/raw-tar.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { publishedProject } from "../support/published-layers.ts";

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
    const { dir, pull } = publishedProject([
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

  // Linux allows these names, and a FAT or NTFS file system that it has mounted takes them for `.git`.
  const dropped = [".git./config", "sub/.git /config", ".git. ./config", ".git::$INDEX_ALLOCATION/config"];

  /** A folder with these paths in it, and an archive that is refused there and changes nothing. */
  const expectRefusedIn = async (there: readonly string[], archive: string, message: RegExp): Promise<void> => {
    const output = temporaryFolder();
    for (const name of there) mkdirSync(join(output, name), { recursive: true });
    const before = readdirSync(output, { recursive: true });
    const error = { code: "ARCHIVE_UNSAFE", exitCode: 65, message: expect.stringMatching(message) };
    await expect(extractArchive(archive, output, { signal: neverAborted })).rejects.toMatchObject(error);
    expect(readdirSync(output, { recursive: true })).toEqual(before);
  };

  test.each([...hooks, ...dropped])("an archive with %j is not unpacked into a folder that is there", async (name) => {
    const body = "#!/bin/sh\n";
    const archive = temporaryFile(rawTar({ name: "readme", body: "fine" }, { name, body }));
    await expectRefusedIn([], archive, /version control/);
    // Whoever wants to look at it names a new folder.
    await extractArchive(archive, join(temporaryFolder(), "new"), { signal: neverAborted });
  });

  const repositories = [
    ["whole", ["HEAD", "config", "objects/a", "refs/a"], []],
    ["whole, below a folder", ["d/e/HEAD", "d/e/config", "d/e/objects/a", "d/e/refs/a"], []],
    ["by other letters", ["head", "config", "OBJECTS/a", "Refs/a"], []],
    ["by dots that Windows drops", ["HEAD.", "config.", "objects./a", "refs/a"], []],
    ["together with what is there", ["config", "HEAD", "d"], ["objects", "refs"]],
    ["together with what is there below", ["d/HEAD", "d/config", "d/objects/a"], ["d/refs"]],
    ["by a `commondir`", ["HEAD", "commondir", "config.worktree", "sub/config", "sub/objects/x"], []],
    ["in one that is there", ["d/config", "d/hooks/x"], ["d/HEAD", "d/objects", "d/refs"]],
    ["below one that is there", ["d/hooks/post-checkout"], ["d/HEAD", "d/objects", "d/refs"]],
  ] as const;

  test.each(repositories)(
    "a repository of git that has no name of one, %s, is not unpacked into a folder that is there",
    async (_, names, there) => {
      const archiveOf = (some: readonly string[]): string =>
        temporaryFile(rawTar(...some.map((name) => ({ name, body: "x" }))));
      await expectRefusedIn(there, archiveOf(names), /makes a repository of its folder/);
      // What only has some of the names is a tool like any other.
      await extractArchive(archiveOf(names.slice(0, 2)), join(temporaryFolder(), "other"), { signal: neverAborted });
    },
  );

  test.each([
    ["a folder of git", ["readme", ".git/hooks/post-checkout"], /version control/],
    ["a repository without its name", ["HEAD", "config", "objects/a", "refs/a"], /makes a repository of its folder/],
  ] as const)("pull --extract and extract refuse %s alike", async (_, names, message) => {
    const body = rawTar(...names.map((name) => ({ name, body: "#!/bin/sh\n" })));
    const { dir, pull } = publishedProject([{ title: "tool.tar", body }]);
    writeFileSync(join(dir, "tool.tar"), body);
    const cwd = join(dir, "home");
    const before = readdirSync(cwd, { recursive: true });
    for (const ran of [
      await pull("-o", ".", "--extract"),
      await oras(["extract", "../tool.tar", "-o", "."], { cwd }),
    ]) {
      expect(ran.exitCode, ran.stderr).toBe(65);
      expect(ran.stderr).toContain("ARCHIVE_UNSAFE");
      expect(ran.stderr).toMatch(message);
    }
    expect(readdirSync(cwd, { recursive: true })).toEqual(before);
    const alone = await oras(["extract", "../tool.tar", "-o", "new"], { cwd });
    expect(alone.exitCode, alone.stderr).toBe(0);
  });

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
    const { dir, pull } = publishedProject(layers.map((layer) => ({ body: `x ${layer.title}`, ...layer })));
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
    const { dir, pull } = publishedProject([
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
    const { dir, pull } = publishedProject([{ title: "sub", body, isFolder: true }]);
    const ran = await pull("-o", ".");
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(existsSync(join(dir, "home/sub"))).toBe(false);
  });
});
