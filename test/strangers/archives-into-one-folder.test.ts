/** Two packages' authors, who know of each other, and whoever else has put something into the folder: nothing of it leads outside. */
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { OrasClientError } from "../../src/errors.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { neverAborted, treeOf } from "../archive/folders.ts";
import { type RawTarEntry, rawTar } from "../archive/raw-tar.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import type { Ran } from "../support/run.ts";

const link = (name: string, linkname: string): RawTarEntry => ({ name, type: "2", linkname });
const file = (name: string, body = name): RawTarEntry => ({ name, body });
const folder = (name: string): RawTarEntry => ({ name: `${name}/`, type: "5", mode: 0o755 });

/** Unpacks one archive after the other into `out` of `place`, until one is refused. */
async function unpack(place: string, ...archives: readonly RawTarEntry[][]): Promise<Ran> {
  let ran: Ran | undefined;
  for (const entries of archives) {
    writeFileSync(join(place, "archive.tar"), rawTar(...entries));
    ran = await oras(["extract", join(place, "archive.tar"), "-o", join(place, "out")]);
    if (ran.exitCode !== 0) break;
  }
  if (ran === undefined) throw new Error("no archive");
  return ran;
}

function isLink(path: string): boolean {
  try {
    return lstatSync(path).isSymbolicLink();
  } catch {
    // Missing, or below a file.
    return false;
  }
}

/** Where a path leads, step by step as a kernel goes; what is missing is taken for a folder. Undefined: above `root`. */
function leadsTo(root: string, path: string): string | undefined {
  const trail: string[] = [];
  const pending = path.split("/").reverse();
  for (let part = pending.pop(), steps = 0; part !== undefined; part = pending.pop(), steps += 1) {
    if (steps > 5_000) return trail.join("/");
    if (part === "..") {
      if (trail.pop() === undefined) return undefined;
      continue;
    }
    const here = join(root, ...trail, part);
    if (!isLink(here)) trail.push(part);
    else if (readlinkSync(here).startsWith("/")) return undefined;
    else pending.push(...readlinkSync(here).split("/").reverse());
  }
  return trail.join("/");
}

function linksOut(root: string): string[] {
  const links = Object.entries(treeOf(root)).filter(([, what]) => what.startsWith("l "));
  return links.map(([path]) => path).filter((path) => leadsTo(root, path) === undefined);
}

describe("links that are harmless each for itself", () => {
  test.each<[string, RawTarEntry[], RawTarEntry[]]>([
    ["`..` behind what the second one makes a link", [link("a", "p/q/d/../../..")], [link("p/q/d", "../..")]],
    [
      "`..` behind a link that the second one turns",
      [folder("x/y/z"), link("d", "x/y/z"), link("a", "d/../../..")],
      [link("d", "x")],
    ],
    ["`..` behind a folder of another case", [folder("p/q/D"), link("a", "p/q/d/../../..")], [link("p/q/d", "../..")]],
    [
      "`..` behind a folder below a link",
      [folder("x/y"), link("l", "x"), link("a", "l/y/../..")],
      [folder("z"), link("l", "."), link("y", "z")],
    ],
  ])("extract: %s", async (_, first, second) => {
    const place = temporaryFolder();
    const ran = await unpack(place, first, second);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toMatch(/error\[ARCHIVE_UNSAFE\].* has a link "a" that may lead outside[\s\S]*hint: /);
    expect(existsSync(join(place, "out"))).toBe(false);
  });

  test("pull: a folder in a folder of the same artifact", async () => {
    const layers = [
      { title: "a", tar: rawTar(link("a/x", "b/c/d/../../..")) },
      { title: "a/b", tar: rawTar(folder("a/b/c"), link("a/b/c/d", "..")) },
    ].map(({ title, tar }) => ({
      tar,
      descriptor: {
        mediaType: "application/vnd.oci.image.layer.v1.tar",
        digest: sha256(tar),
        size: tar.length,
        annotations: { "org.opencontainers.image.title": title, "io.deis.oras.content.unpack": "true" },
      },
    }));
    const descriptors = layers.map(({ descriptor }) => descriptor);
    const mediaType = mediaTypes.ociManifest;
    const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: descriptors[0], layers: descriptors });
    const { host } = await startServer(({ url }, response) => {
      const layer = layers.find(({ descriptor }) => url.endsWith(descriptor.digest));
      if (url.includes("/manifests/")) response.setHeader("content-type", mediaType).end(manifest);
      else response.end(layer?.tar);
    });
    const place = temporaryFolder();
    const ran = await oras(["pull", `${host}/t/tool:1`, "-o", join(place, "out"), "--cache-dir", join(place, "cache")]);
    expect(ran.exitCode, ran.stderr).toBe(65);
    expect(ran.stderr).toContain('"a/b" below "a", which is a layer of its own');
    expect(existsSync(join(place, "out")) ? linksOut(join(place, "out")) : []).toEqual([]);
  });

  test("extract: links of real tools are unpacked, into a folder that has some already", async () => {
    const place = temporaryFolder();
    const first = [
      file("versions/1/bin/tool"),
      link("current", "versions/1"),
      link("bin/tool", "../current/bin/tool"),
      link("lib/libtool.so", "libtool.so.1"),
      folder("share/doc"),
      link("doc", "share/../share/./doc"),
    ];
    const second = [file("lib/libtool.so.1"), file("versions/2/bin/tool"), link("current", "versions/2")];
    const ran = await unpack(place, first, second);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(place, "out/bin/tool"), "utf8")).toBe("versions/2/bin/tool");
    expect(readFileSync(join(place, "out/lib/libtool.so"), "utf8")).toBe("lib/libtool.so.1");
    expect(linksOut(join(place, "out"))).toEqual([]);
  });
});

describe("what somebody else put into the folder", () => {
  function prepared(): { place: string; before: Record<string, string> } {
    const place = temporaryFolder();
    for (const path of ["out/full", "outside"]) mkdirSync(join(place, path), { recursive: true });
    writeFileSync(join(place, "outside/secret"), "untouched");
    writeFileSync(join(place, "out/full/kept"), "untouched");
    symlinkSync("../outside", join(place, "out/way"));
    symlinkSync(join(place, "outside"), join(place, "out/absolute"));
    symlinkSync("../outside/secret", join(place, "out/leaf"));
    return { place, before: treeOf(join(place, "out")) };
  }

  test.each<[string, RawTarEntry[], number, RegExp]>([
    [
      "a link through a link that leads outside",
      [link("a", "way/secret")],
      65,
      /"a" .* lead outside of .* through "way"/,
    ],
    [
      "a link through an absolute one",
      [folder("deep"), link("deep/a", "../absolute/secret")],
      65,
      /through "absolute"/,
    ],
    ["a file through a link", [file("way/evil")], 74, /way" is a link, where the archive has a folder/],
    ["a folder in place of a link", [folder("way")], 74, /way" is a link/],
    ["a file below a file", [file("leaf/evil")], 74, /leaf" is a link/],
    ["a link in place of a folder", [link("full", "way2")], 74, /full" is a folder/],
    ["a file in place of a folder", [file("full")], 74, /full" is a folder/],
    [
      "a hard link in place of a folder",
      [file("f"), { name: "full", type: "1", linkname: "f" }],
      74,
      /full" is a folder/,
    ],
  ])("extract: %s is refused, and nothing is changed", async (_, entries, exitCode, message) => {
    const { place, before } = prepared();
    const ran = await unpack(place, [file("new/fine"), ...entries]);
    expect(ran.exitCode, ran.stderr).toBe(exitCode);
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toContain("  hint: ");
    expect(treeOf(join(place, "out"))).toEqual(before);
    expect(readdirSync(join(place, "outside"))).toEqual(["secret"]);
  });

  test("extract: a file or a link takes the place of a link, and is not written through it", async () => {
    const { place } = prepared();
    const ran = await unpack(place, [file("leaf", "new"), link("way", "full")]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(place, "outside/secret"), "utf8")).toBe("untouched");
    expect(treeOf(join(place, "out"))).toMatchObject({ leaf: "f644 new", way: "l full" });
  });
});

describe("any two archives", () => {
  const parts = fc.array(fc.constantFrom("a", "b"), { minLength: 1, maxLength: 3 });
  const name = parts.map((some) => some.join("/"));
  /** Mostly down and up again, so that it depends on what is down there. */
  const target = fc.oneof(
    fc.tuple(parts, fc.integer({ min: 0, max: 4 })).map(([down, up]) => [...down, ...Array(up).fill("..")].join("/")),
    fc.tuple(fc.integer({ min: 1, max: 2 }), parts).map(([up, down]) => [...Array(up).fill(".."), ...down].join("/")),
    fc.constantFrom("..", "../..", ".", "a"),
  );
  const entry = fc.oneof(
    { weight: 2, arbitrary: fc.tuple(name, target).map(([at, to]) => link(at, to)) },
    { weight: 1, arbitrary: name.map((at) => folder(at)) },
    { weight: 1, arbitrary: name.map((at) => file(at, "evil")) },
    { weight: 1, arbitrary: fc.tuple(name, name).map(([at, to]) => ({ name: at, type: "1", linkname: to })) },
  );
  const some = fc.array(entry, { maxLength: 3 });
  const archive = fc.array(entry, { minLength: 1, maxLength: 4 });
  /** The first one's link goes down and up again, and the second one has a link on that way. */
  const accomplices = fc
    .tuple(name, parts, fc.integer({ min: 0, max: 4 }), fc.integer({ min: 1, max: 3 }), target, some, some)
    .map(([at, down, up, depth, to, first, second]): RawTarEntry[][] => [
      [link(at, [...down, ...Array(up).fill("..")].join("/")), ...first],
      [link(down.slice(0, depth).join("/"), to), ...second],
    ]);
  const archives = fc.oneof(accomplices, fc.array(archive, { minLength: 2, maxLength: 3 }));

  test("into one folder: nothing is written outside, and no link leads there", { timeout: 240_000 }, async () => {
    let unpacked = 0;
    const stays = async (archives: readonly RawTarEntry[][]): Promise<void> => {
      const place = temporaryFolder();
      mkdirSync(join(place, "outside"));
      for (const entries of archives) {
        writeFileSync(join(place, "archive.tar"), rawTar(...entries));
        try {
          await extractArchive(join(place, "archive.tar"), join(place, "out"), { signal: neverAborted });
          unpacked += 1;
        } catch (error) {
          expect(error).toBeInstanceOf(OrasClientError);
        }
        if (existsSync(join(place, "out"))) expect(linksOut(join(place, "out"))).toEqual([]);
        expect(readdirSync(place).filter((one) => one !== "out")).toEqual(["archive.tar", "outside"]);
        expect(readdirSync(join(place, "outside"))).toEqual([]);
      }
    };
    const property = fc.asyncProperty(archives, stays);
    const numRuns = Number(process.env.PROPERTY_PAIRS ?? 300);
    await fc.assert(property, { numRuns, seed: Number(process.env.PROPERTY_SEED ?? 16) });
    expect(unpacked).toBeGreaterThan(numRuns / 5);
  });
});
