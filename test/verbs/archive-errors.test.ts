/** Errors of archives out of the cache, whose paths there tell the user nothing. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { expect, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { oras } from "../support/executable.ts";
import { publishedProject } from "../support/published-layers.ts";

const hostile = rawTar({ name: "../evil", body: "x" });
const file = { title: "tool.tar", body: hostile };
const folder = { title: "tool", body: gzipSync(hostile), isFolder: true };
const damaged = { title: "tool.gz", body: Buffer.concat([gzipSync("tool"), Buffer.from("more")]) };

test.each([
  ["pull --extract of a file", [file], ["pull", "--extract", "-o", "out"], "tool.tar"],
  [
    "pull --extract of several files",
    [file, { title: "b", body: "b" }],
    ["pull", "--extract", "-o", "out"],
    "tool.tar",
  ],
  ["pull of a folder", [folder], ["pull", "-o", "out"], "tool"],
  ["pull of a compressed file", [damaged], ["pull", "-o", "out"], "tool.gz"],
  ["lock add", [file], ["lock", "add", "tool"], "tool.tar"],
  ["lock add of a folder", [folder], ["lock", "add", "tool"], "tool"],
  ["lock add of a compressed file", [damaged], ["lock", "add", "tool"], "tool.gz"],
] as const)("%s: an error of the archive names the artifact, not the cache", async (_, layers, args, title) => {
  const { dir } = publishedProject(layers);
  writeFileSync(join(dir, ".buckroot"), "");
  const ran = await oras([...args, "oci:layout:1", "--cache-dir", "../elsewhere"], { cwd: dir });
  expect(ran, ran.stderr).toMatchObject({ exitCode: 65, stdout: "" });
  // `lock add` names a layout by its whole path.
  expect(ran.stderr).toMatch(new RegExp(`: "${title}" of oci:(?:\\S*/)?layout`));
  expect(ran.stderr).not.toMatch(/elsewhere|sha256\//);
});
