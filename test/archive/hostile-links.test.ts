import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { cpuTimer } from "../support/cpu-timer.ts";
import { temporaryFolder } from "../support/folders.ts";
import { neverAborted, temporaryFile, treeOf } from "./folders.ts";
import { gnuLong, paxEntry, type RawTarEntry, rawTar } from "./raw-tar.ts";
import { rawZip } from "./raw-zip.ts";
import { expectRefused } from "./refused.ts";

const link = (name: string, linkname: string): RawTarEntry => ({ name, type: "2", linkname });
const hardLink = (name: string, linkname: string): RawTarEntry => ({ name, type: "1", linkname });
const file = (name: string): RawTarEntry => ({ name, body: name });

async function unpacked(bytes: Uint8Array): Promise<Record<string, string>> {
  const out = `${temporaryFolder()}/out`;
  await extractArchive(temporaryFile(bytes), out, { signal: neverAborted });
  return treeOf(out);
}

describe("symbolic links", () => {
  test.each([
    ["..", /leads outside/],
    ["../evil", /leads outside/],
    ["a/../../evil", /leads outside/],
    ["/etc/passwd", /absolute path/],
    ["C:\\Windows", /backslash/],
    ["", /nothing/],
  ])("extract: a link to %j is refused in a tar and in a zip", async (target, why) => {
    await expectRefused(rawTar(link("evil", target)), "ARCHIVE_UNSAFE", why);
    await expectRefused(rawZip({ name: "evil", body: target, unixMode: 0o120777 }), "ARCHIVE_UNSAFE", why);
  });

  test("extract: a link that leads outside through another link is refused, in either order", async () => {
    const inner = link("a/b/up", "..");
    const outer = link("a/evil", "b/up/../..");
    await expectRefused(rawTar(inner, outer), "ARCHIVE_UNSAFE", /leads outside/);
    await expectRefused(rawTar(outer, inner), "ARCHIVE_UNSAFE", /leads outside/);
  });

  test("extract: a link is followed where it leads, not where its spelling seems to", async () => {
    // As text `deep/../..` stays inside below `x/y/`; as a kernel goes, `deep` is the root and `..` of it is outside.
    const entries = [link("x/y/deep", "../.."), link("x/y/evil", "deep/../x")];
    await expectRefused(rawTar(...entries), "ARCHIVE_UNSAFE", /leads outside/);
  });

  test("extract: a link through a link of other case is refused where some file system would follow it", async () => {
    await expectRefused(rawTar(link("a/Up", ".."), link("a/evil", "UP/../x")), "ARCHIVE_UNSAFE", /leads outside/);
  });

  test("extract: links in a circle are refused", async () => {
    await expectRefused(rawTar(link("a", "b"), link("b", "a")), "ARCHIVE_UNSAFE", /circle/);
    await expectRefused(rawTar(link("self", "self")), "ARCHIVE_UNSAFE", /circle/);
  });

  test("extract: links that double at each step end in bounded time", async () => {
    const doubling = Array.from({ length: 40 }, (_, index) =>
      link(`l${index}`, Array.from({ length: 200 }, () => `l${index + 1}/..`).join("/")),
    );
    const entries = doubling.flatMap((entry) => [gnuLong("K", entry.linkname ?? ""), entry]);
    const spent = cpuTimer();
    await expectRefused(rawTar(...entries), "ARCHIVE_UNSAFE", /circle|outside/, { maxPathBytes: 4096 });
    expect(spent()).toBeLessThan(5_000);
  });

  test("extract: a file below a link is refused, whichever comes first", async () => {
    await expectRefused(rawTar(link("dir", "."), file("dir/evil")), "ARCHIVE_UNSAFE", /lies below "dir"/);
    await expectRefused(rawTar(file("dir/evil"), link("dir", ".")), "ARCHIVE_UNSAFE", /twice/);
    const zip = rawZip({ name: "dir", body: ".", unixMode: 0o120777 }, { name: "dir/evil", body: "x" });
    await expectRefused(zip, "ARCHIVE_UNSAFE", /lies below "dir"/);
  });

  test("extract: a file in the place of a link is refused", async () => {
    await expectRefused(rawTar(link("evil", "fine"), file("evil")), "ARCHIVE_UNSAFE", /twice/);
  });

  test("extract: links that stay inside are kept as they are spelled", async () => {
    const entries = [
      link("bin/tool", "../lib/./tool-1"),
      file("lib/tool-1"),
      link("lib/all", ".."),
      link("gone", "nowhere"),
    ];
    expect(await unpacked(rawTar(...entries))).toEqual({
      bin: "d755",
      "bin/tool": "l ../lib/./tool-1",
      gone: "l nowhere",
      lib: "d755",
      "lib/all": "l ..",
      "lib/tool-1": "f644 lib/tool-1",
    });
    expect(await unpacked(rawZip({ name: "a", body: "b" }, { name: "l", body: "a", unixMode: 0o120777 }))).toEqual({
      a: "f644 b",
      l: "l a",
    });
  });

  test("extract: a target of more bytes than a path may have is refused", async () => {
    const target = "x/".repeat(600);
    await expectRefused(rawTar(paxEntry({ linkpath: target }), link("l", "short")), "ARCHIVE_TOO_LARGE", /1024 bytes/);
    await expectRefused(rawZip({ name: "l", body: target, unixMode: 0o120777 }), "ARCHIVE_TOO_LARGE", /1024 bytes/);
  });
});

describe("hard links", () => {
  test.each([
    ["../outside.txt", /leads outside/],
    ["/etc/passwd", /absolute path/],
    ["missing", /not an earlier file/],
    ["dir", /not an earlier file/],
    ["", /nothing/],
    ["a\\b", /backslash/],
  ])("extract: a hard link to %j is refused", async (target, why) => {
    const entries = [{ name: "dir/", type: "5" }, hardLink("evil", target)];
    await expectRefused(rawTar(...entries), "ARCHIVE_UNSAFE", why);
  });

  test("extract: a hard link to a symbolic link is a link of its own, and is followed from its own folder", async () => {
    const entries = [file("a/f"), link("a/l", "f"), hardLink("a/m", "a/l"), hardLink("b/n", "./a/m")];
    expect(await unpacked(rawTar(...entries))).toEqual({
      a: "d755",
      "a/f": "f644 a/f",
      "a/l": "l f",
      "a/m": "l f",
      b: "d755",
      "b/n": "l f",
    });
    await expectRefused(rawTar(link("a/l", "../x"), hardLink("evil", "a/l")), "ARCHIVE_UNSAFE", /leads outside/);
    await expectRefused(rawTar(link("a/b", "c"), hardLink("c", "a/b")), "ARCHIVE_UNSAFE", /leads in a circle/);
  });

  test("extract: a hard link through a symbolic link is refused", async () => {
    await expectRefused(
      rawTar(file("a/f"), link("l", "a"), hardLink("evil", "l/f")),
      "ARCHIVE_UNSAFE",
      /not an earlier file/,
    );
  });

  test("extract: a hard link in the place of a file is refused", async () => {
    await expectRefused(rawTar(file("a"), file("b"), hardLink("b", "a")), "ARCHIVE_UNSAFE", /twice/);
  });

  test("extract: a hard link to a later file is refused, since it has no bytes yet", async () => {
    await expectRefused(rawTar(hardLink("b", "a"), file("a")), "ARCHIVE_UNSAFE", /not an earlier file/);
  });

  test("extract: a hard link has the bytes and the mode of its file", async () => {
    const entries = [{ name: "a", body: "x", mode: 0o755 }, hardLink("dir/b", "a"), hardLink("c", "./dir/b")];
    expect(await unpacked(rawTar(...entries))).toEqual({ a: "f755 x", c: "f755 x", dir: "d755", "dir/b": "f755 x" });
  });
});

describe("other kinds", () => {
  test.each([
    ["3", /is a device/],
    ["4", /is a device/],
    ["6", /is a pipe/],
  ])("extract: tar type %j is refused", async (type, why) => {
    await expectRefused(rawTar(file("fine"), { name: "evil", type }), "ARCHIVE_UNSAFE", why);
  });

  test.each([
    ["S", /is a sparse file of another program/],
    ["V", /is a volume label/],
    ["M", /is the rest of a file of another volume/],
    ["D", /is a folder of an incremental dump/],
    ["Z", /is of the unknown type "Z"/],
  ])("extract: tar type %j is not taken for a file, and is named", async (type, why) => {
    await expectRefused(rawTar({ name: "odd", type, body: "x" }), "ARCHIVE_UNSUPPORTED", why);
  });

  test.each([0o010644, 0o020644, 0o060644, 0o140755])(
    "extract: a zip entry of Unix type %o is refused",
    async (unixMode) => {
      await expectRefused(rawZip({ name: "evil", unixMode }), "ARCHIVE_UNSAFE", /device, a pipe or a socket/);
    },
  );

  test("extract: setuid, setgid and sticky bits are dropped, of folders too", async () => {
    const entries = [
      { name: "s/", type: "5", mode: 0o7777 },
      { name: "s/x", body: "1", mode: 0o7755 },
      { name: "s/y", body: "2", mode: 0o6644 },
      { name: "s/z", body: "3", mode: 0o000 },
    ];
    const expected = { s: "d755", "s/x": "f755 1", "s/y": "f644 2", "s/z": "f644 3" };
    expect(await unpacked(rawTar(...entries))).toEqual(expected);
    const zipped = entries.map(({ name, body, mode }) => {
      return { name, body: body ?? "", unixMode: (body === undefined ? 0o040000 : 0o100000) | mode };
    });
    expect(await unpacked(rawZip(...zipped))).toEqual(expected);
  });
});
