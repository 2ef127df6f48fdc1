/** A file that an earlier pull placed: left alone if nothing changed, else placed again. */
import { chmodSync, linkSync, lstatSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { existingFile } from "../../src/artifact/existing-file.ts";
import { digestOf } from "../../src/model/digest.ts";
import { noSignal } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireRoot } from "../support/shared-cache.ts";

const script = "#!/bin/sh\n";
const expected = { digest: digestOf(script), size: script.length };
const userId = process.geteuid?.();

function placed(): string {
  const path = join(temporaryFolder(), "tool");
  writeFileSync(path, script);
  chmodSync(path, 0o755);
  return path;
}

describe("a placed file", () => {
  test("existingFile: an unchanged file is `placed`", async () => {
    const path = placed();
    const before = lstatSync(path, { bigint: true }).ctimeNs;
    expect(await existingFile(path, expected, userId, noSignal)).toBe("placed");
    expect(lstatSync(path, { bigint: true }).ctimeNs).toBe(before);
    expect(readFileSync(path, "utf8")).toBe(script);
  });

  test.each<[string, string, (path: string) => void]>([
    ["another mode", "equal", (path) => chmodSync(path, 0o777)],
    ["a set-user-ID bit", "equal", (path) => chmodSync(path, 0o4755)],
    ["a further name", "equal", (path) => linkSync(path, `${path}.old`)],
    ["another byte", "other", (path) => writeFileSync(path, "#!/bin/ss\n")],
    ["another length", "other", (path) => writeFileSync(path, `${script}exit\n`)],
    ["no file", "nothing", (path) => rmSync(path)],
    [
      "a link to equal bytes in its place",
      "other",
      (path) => {
        linkSync(path, `${path}.old`);
        rmSync(path);
        symlinkSync(`${path}.old`, path);
      },
    ],
  ])("existingFile: with %s it is `%s`", async (_, kind, change) => {
    const path = placed();
    change(path);
    expect(await existingFile(path, expected, userId, noSignal)).toBe(kind);
  });

  test("existingFile: another user's file is only `equal`", async (context) => {
    requireRoot(context);
    expect(await existingFile(placed(), expected, 65_533, noSignal)).toBe("equal");
  });
});
