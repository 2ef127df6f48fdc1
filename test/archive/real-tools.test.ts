/** Archives as the programs write them that publishers use; and what they make of ours. */
import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { sniffFile } from "../../src/archive/format.ts";
import { packFolder } from "../../src/archive/pack.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { neverAborted, treeOf } from "./folders.ts";

const signal = neverAborted;
const longName = `${"folder/".repeat(20)}${"n".repeat(110)}`;

function makeTree(): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, "t/bin"), { recursive: true });
  mkdirSync(join(folder, "t", longName, ".."), { recursive: true });
  writeFileSync(join(folder, "t/bin/tool"), "#!/bin/sh\necho hello\n");
  chmodSync(join(folder, "t/bin/tool"), 0o755);
  linkSync(join(folder, "t/bin/tool"), join(folder, "t/bin/twin"));
  symlinkSync("tool", join(folder, "t/bin/alias"));
  symlinkSync("..", join(folder, "t/bin/loop"));
  writeFileSync(join(folder, "t", longName), "long");
  writeFileSync(join(folder, "t/ünï"), "ö");
  writeFileSync(join(folder, "t/big"), Buffer.alloc(3 * 1024 ** 2, "0123456789"));
  for (const path of ["t/ünï", "t/big", `t/${longName}`]) chmodSync(join(folder, path), 0o644);
  return folder;
}

async function expectSameTree(folder: string, archive: string, format: string): Promise<void> {
  expect(await sniffFile(archive)).toBe(format);
  const out = join(temporaryFolder(), "out");
  await extractArchive(archive, out, { stripPrefix: "t", signal });
  expect(treeOf(out)).toEqual(treeOf(join(folder, "t")));
}

/** Skips the test where there is no such program. */
function run(context: Skippable, cwd: string, program: string, ...args: readonly string[]): void {
  execFileSync(requireProgram(context, program), args, {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
    env: { ...process.env, LC_ALL: "C.UTF-8" },
  });
}

describe("tar", () => {
  test.for([
    ["gnu", [], "tar"],
    ["pax", [], "tar"],
    ["pax", ["-z"], "tar.gz"],
    ["oldgnu", ["-z"], "tar.gz"],
    ["gnu", ["--hard-dereference"], "tar"],
    ["pax", ["--xattrs", "--sort=name"], "tar"],
    ["gnu", ["--blocking-factor=1"], "tar"],
  ] as const)("extract: what tar --format=%s %j wrote", async ([format, options, expected], context) => {
    const folder = makeTree();
    run(context, folder, "tar", `--format=${format}`, ...options, "-cf", "a", "t");
    await expectSameTree(folder, join(folder, "a"), expected);
  });

  test("extract: what tar wrote of `.` and of `t/.`", async (context) => {
    const folder = makeTree();
    run(context, folder, "tar", "-cf", "a", "t/.");
    await expectSameTree(folder, join(folder, "a"), "tar");
    run(context, folder, "tar", "-cf", "b", "-C", "t", ".");
    const out = join(temporaryFolder(), "out");
    await extractArchive(join(folder, "b"), out, { signal });
    expect(treeOf(out)).toEqual(treeOf(join(folder, "t")));
  });

  test.for(["tar", "bsdtar"])("extract: what %s wrote of a path with doubled slashes", async (program, context) => {
    const folder = makeTree();
    run(context, folder, program, "-cf", "a", "t//bin//tool", "t/bin//twin", ".//t/big");
    expect(execFileSync("tar", ["-tf", "a"], { cwd: folder, encoding: "utf8" })).toContain("//");
    const out = join(temporaryFolder(), "out");
    await extractArchive(join(folder, "a"), out, { stripPrefix: "t", signal });
    const { bin, big, "bin/tool": tool, "bin/twin": twin } = treeOf(join(folder, "t"));
    expect(treeOf(out)).toEqual({ big, bin, "bin/tool": tool, "bin/twin": twin });
  });

  test.for(["", "-z"])("extract: zeros behind the end mark of a tar %s, to no whole block", async (option, context) => {
    const folder = makeTree();
    run(context, folder, "tar", "-cf", "a", "t");
    for (const zeros of [1, 511, 3000, 300_001]) {
      const padded = Buffer.concat([readFileSync(join(folder, "a")), Buffer.alloc(zeros)]);
      writeFileSync(join(folder, "b"), option === "" ? padded : gzipSync(padded));
      expect(execFileSync("tar", ["-tf", "b"], { cwd: folder, stdio: "pipe" }).length).toBeGreaterThan(0);
      await expectSameTree(folder, join(folder, "b"), option === "" ? "tar" : "tar.gz");
    }
  });

  test("extract: what git archive wrote, whose first header names the commit", async (context) => {
    const folder = makeTree();
    const git = (...args: string[]) =>
      run(context, folder, "git", "-c", "user.name=n", "-c", "user.email=n@example.com", ...args);
    git("init", "-q");
    git("add", "t/bin/tool", "t/bin/alias", "t/big");
    git("commit", "-qm", "tree");
    git("archive", "-o", "a.tar.gz", "HEAD");
    git("archive", "-o", "a.zip", "HEAD");
    const { bin, big, "bin/tool": tool, "bin/alias": alias } = treeOf(join(folder, "t"));
    for (const archive of ["a.tar.gz", "a.zip"]) {
      const out = join(temporaryFolder(), "out");
      await extractArchive(join(folder, archive), out, { stripPrefix: "t", signal });
      expect(treeOf(out), archive).toEqual({ big, bin, "bin/alias": alias, "bin/tool": tool });
    }
  });

  test("extract: what tar wrote through zstd", async (context) => {
    const folder = makeTree();
    requireProgram(context, "zstd");
    run(context, folder, "tar", "--use-compress-program=zstd -19 -T0", "-cf", "a", "t");
    await expectSameTree(folder, join(folder, "a"), "tar.zst");
  });

  test.for([{ format: "gzip", level: 9 }, { format: "zstd", level: 19 }, undefined] as const)(
    "pack: tar unpacks what was packed with %j",
    async (compressor, context) => {
      if (compressor !== undefined) requireProgram(context, compressor.format);
      const folder = makeTree();
      await packFolder(join(folder, "t"), join(folder, "a"), { root: "t", compressor, signal });
      const out = temporaryFolder();
      run(context, out, "tar", "-xpf", join(folder, "a"));
      expect(treeOf(join(out, "t"))).toEqual(treeOf(join(folder, "t")));
    },
  );
});

describe("zip", () => {
  test.for(["-6", "-0", "-fz", "-X -9"])("extract: what zip %s wrote", async (options, context) => {
    const folder = makeTree();
    run(context, folder, "zip", "-qry", ...options.split(" "), "a.zip", "t");
    await expectSameTree(folder, join(folder, "a.zip"), "zip");
  });

  test("extract: what zip wrote into a pipe, where sizes follow the bytes", async (context) => {
    const folder = makeTree();
    const options = { cwd: folder, maxBuffer: 64 * 1024 ** 2 };
    const bytes = execFileSync(requireProgram(context, "zip"), ["-q", "-", "t/big", "t/bin/tool"], options);
    expect(bytes.readUInt16LE(6) & 0x8).toBe(0x8);
    writeFileSync(join(folder, "a.zip"), bytes);
    const out = join(temporaryFolder(), "out");
    await extractArchive(join(folder, "a.zip"), out, { stripPrefix: "t", signal });
    const { big, "bin/tool": tool } = treeOf(join(folder, "t"));
    expect(treeOf(out)).toEqual({ big, bin: "d755", "bin/tool": tool });
  });

  test("extract: what zip encrypted is refused", async (context) => {
    const folder = makeTree();
    run(context, folder, "zip", "-qr", "-P", "secret", "a.zip", "t/big");
    const extracting = extractArchive(join(folder, "a.zip"), join(folder, "out"), { signal });
    await expect(extracting).rejects.toMatchObject({
      code: "ARCHIVE_UNSUPPORTED",
      message: expect.stringMatching(/encrypted/),
    });
  });
});

describe("python", () => {
  const python = (context: Skippable, cwd: string, script: string): void => run(context, cwd, "python3", "-c", script);

  test("extract: what zipfile wrote, zip64 among it", async (context) => {
    const folder = temporaryFolder();
    python(
      context,
      folder,
      `
import zipfile
with zipfile.ZipFile("a", "w", zipfile.ZIP_DEFLATED) as z:
    z.writestr("t/plain", "x" * 100000)
    z.writestr("t/\\u00fcn\\u00ef", "y")
    with z.open(zipfile.ZipInfo("t/large"), "w", force_zip64=True) as f:
        f.write(b"z" * 100000)
`,
    );
    const out = join(temporaryFolder(), "out");
    await extractArchive(join(folder, "a"), out, { stripPrefix: "t", signal });
    expect(treeOf(out)).toEqual({
      large: `f644 ${"z".repeat(100000)}`,
      plain: `f644 ${"x".repeat(100000)}`,
      ünï: "f644 y",
    });
  });

  test("extract: a wheel that marks its program by Unix mode", async (context) => {
    const folder = temporaryFolder();
    python(
      context,
      folder,
      `
import zipfile
with zipfile.ZipFile("a", "w") as z:
    info = zipfile.ZipInfo("bin/tool"); info.external_attr = 0o100755 << 16; info.create_system = 3
    z.writestr(info, "program")
`,
    );
    const out = join(temporaryFolder(), "out");
    await extractArchive(join(folder, "a"), out, { signal });
    expect(treeOf(out)).toEqual({ bin: "d755", "bin/tool": "f755 program" });
  });

  test.for(["USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"])(
    "extract: what tarfile wrote as %s",
    async (format, context) => {
      const folder = makeTree();
      const script = `import tarfile\nwith tarfile.open("a", "w:gz", format=tarfile.${format}) as t: t.add("t")`;
      if (format === "USTAR_FORMAT") rmSync(join(folder, "t/folder"), { recursive: true });
      python(context, folder, script);
      await expectSameTree(folder, join(folder, "a"), "tar.gz");
    },
  );

  test("extract: the hostile entries that tarfile writes are refused", async (context) => {
    const folder = temporaryFolder();
    const member = (setup: string): string => `
import tarfile, io
with tarfile.open("a", "w") as t:
    m = tarfile.TarInfo("m"); ${setup}
    t.addfile(m, io.BytesIO(b""))
`;
    for (const setup of [
      'm.name = "../../evil"',
      'm.name = "/etc/evil"',
      'm.type = tarfile.SYMTYPE; m.linkname = "/etc/passwd"',
      'm.type = tarfile.LNKTYPE; m.linkname = "../../etc/passwd"',
      "m.type = tarfile.CHRTYPE; m.devmajor = 1; m.devminor = 3",
      "m.type = tarfile.FIFOTYPE",
    ]) {
      python(context, folder, member(setup));
      const place = temporaryFolder();
      const extracting = extractArchive(join(folder, "a"), join(place, "out"), { signal });
      await expect(extracting, setup).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE", exitCode: 65 });
      expect(treeOf(place)).toEqual({});
    }
  });
});
