/** Archives as the programs write them that publishers use; and what they make of ours. */
import { execFileSync } from "node:child_process";
import { chmodSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { sniffFile } from "../../src/archive/format.ts";
import { packFolder } from "../../src/archive/pack.ts";
import { neverAborted, temporaryFolder, treeOf } from "./folders.ts";
import { hasTool } from "./tools.ts";

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

function run(cwd: string, program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { cwd, stdio: ["ignore", "ignore", "pipe"], env: { ...process.env, LC_ALL: "C.UTF-8" } });
}

describe("tar", () => {
  test.skipIf(!hasTool("tar")).each([
    ["gnu", [], "tar"],
    ["pax", [], "tar"],
    ["pax", ["-z"], "tar.gz"],
    ["oldgnu", ["-z"], "tar.gz"],
    ["gnu", ["--hard-dereference"], "tar"],
    ["pax", ["--xattrs", "--sort=name"], "tar"],
    ["gnu", ["--blocking-factor=1"], "tar"],
  ] as const)("extract: what tar --format=%s %j wrote", async (format, options, expected) => {
    const folder = makeTree();
    run(folder, "tar", `--format=${format}`, ...options, "-cf", "a", "t");
    await expectSameTree(folder, join(folder, "a"), expected);
  });

  test.skipIf(!hasTool("tar"))("extract: what tar wrote of `.` and of `t/.`", async () => {
    const folder = makeTree();
    run(folder, "tar", "-cf", "a", "t/.");
    await expectSameTree(folder, join(folder, "a"), "tar");
    run(folder, "tar", "-cf", "b", "-C", "t", ".");
    const out = join(temporaryFolder(), "out");
    await extractArchive(join(folder, "b"), out, { signal });
    expect(treeOf(out)).toEqual(treeOf(join(folder, "t")));
  });

  test.skipIf(!hasTool("tar")).each(["gnu", "pax"])(
    "extract: a sparse file of tar --format=%s is refused, not cut",
    async (format) => {
      const folder = temporaryFolder();
      execFileSync("truncate", ["-s", "4M", "sparse"], { cwd: folder });
      run(folder, "tar", `--format=${format}`, "-Scf", "a", "sparse");
      const extracting = extractArchive(join(folder, "a"), join(folder, "out"), { signal });
      await expect(extracting).rejects.toMatchObject({
        code: "ARCHIVE_UNSUPPORTED",
        message: expect.stringMatching(/sparse/),
      });
    },
  );

  test.skipIf(!hasTool("tar") || !hasTool("zstd"))("extract: what tar wrote through zstd", async () => {
    const folder = makeTree();
    run(folder, "tar", "--use-compress-program=zstd -19 -T0", "-cf", "a", "t");
    await expectSameTree(folder, join(folder, "a"), "tar.zst");
  });

  test.skipIf(!hasTool("tar"))("pack: tar unpacks what was packed", async () => {
    const folder = makeTree();
    await packFolder(join(folder, "t"), join(folder, "a"), { root: "t", signal });
    const out = temporaryFolder();
    run(out, "tar", "-xpf", join(folder, "a"));
    expect(treeOf(join(out, "t"))).toEqual(treeOf(join(folder, "t")));
  });
});

describe("zip", () => {
  test.skipIf(!hasTool("zip")).each([[[]], [["-0"]], [["-fz"]], [["-X", "-9"]]])(
    "extract: what zip %j wrote",
    async (options) => {
      const folder = makeTree();
      run(folder, "zip", "-qry", ...options, "a.zip", "t");
      await expectSameTree(folder, join(folder, "a.zip"), "zip");
    },
  );

  test.skipIf(!hasTool("zip"))("extract: what zip wrote as a stream", async () => {
    const folder = makeTree();
    execFileSync("sh", ["-c", "zip -qry - t > a.zip"], { cwd: folder });
    await expectSameTree(folder, join(folder, "a.zip"), "zip");
  });

  test.skipIf(!hasTool("zip"))("extract: what zip encrypted is refused", async () => {
    const folder = makeTree();
    run(folder, "zip", "-qr", "-P", "secret", "a.zip", "t/big");
    const extracting = extractArchive(join(folder, "a.zip"), join(folder, "out"), { signal });
    await expect(extracting).rejects.toMatchObject({
      code: "ARCHIVE_UNSUPPORTED",
      message: expect.stringMatching(/encrypted/),
    });
  });
});

describe("python", () => {
  const testWithPython = test.skipIf(!hasTool("python3"));
  const python = (cwd: string, script: string): void => run(cwd, "python3", "-c", script);

  testWithPython("extract: what zipfile wrote, zip64 among it", async () => {
    const folder = temporaryFolder();
    python(
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

  testWithPython("extract: a wheel that marks its program by Unix mode", async () => {
    const folder = temporaryFolder();
    python(
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

  testWithPython.each(["USTAR_FORMAT", "GNU_FORMAT", "PAX_FORMAT"])(
    "extract: what tarfile wrote as %s",
    async (format) => {
      const folder = makeTree();
      const script = `import tarfile\nwith tarfile.open("a", "w:gz", format=tarfile.${format}) as t: t.add("t")`;
      if (format === "USTAR_FORMAT") run(folder, "rm", "-r", "t/folder");
      python(folder, script);
      await expectSameTree(folder, join(folder, "a"), "tar.gz");
    },
  );

  testWithPython("extract: the hostile entries that tarfile writes are refused", async () => {
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
      python(folder, member(setup));
      const place = temporaryFolder();
      const extracting = extractArchive(join(folder, "a"), join(place, "out"), { signal });
      await expect(extracting, setup).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE", exitCode: 65 });
      expect(treeOf(place)).toEqual({});
    }
  });
});
