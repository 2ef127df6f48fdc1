/** Zip files whose names have backslashes, as PowerShell 5 writes them. */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Zippable, zipSync } from "fflate";
import { describe, expect, test } from "vitest";
import { extractArchive } from "../../src/archive/extract.ts";
import { testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

/** Upper byte of "version made by" (APPNOTE 4.4.2). */
const hosts = { fat: 0, unix: 3, ntfs: 10 } as const;

/** Writes a zip of empty and small files, made by `host`. */
function zipOf(names: readonly string[], host: keyof typeof hosts): string {
  const path = join(temporaryFolder(), "tool.zip");
  const content = (name: string) => (name.endsWith("\\") ? Buffer.alloc(0) : Buffer.from("x"));
  const files: Zippable = {};
  for (const name of names) files[name] = [content(name), { os: hosts[host] }];
  writeFileSync(path, zipSync(files, { level: 0 }));
  return path;
}

async function extract(archive: string): Promise<string> {
  const output = join(temporaryFolder(), "out");
  const context = testContext();
  await extractArchive(archive, output, {
    stripPrefix: undefined,
    signal: new AbortController().signal,
    onReplaced: () => {},
    context,
  });
  return output;
}

describe("names with backslashes alone", () => {
  test.each(["fat", "ntfs"] as const)("made by %s: separate folders", async (host) => {
    const output = await extract(zipOf(["bin\\", "bin\\tool.exe", "README"], host));
    expect(readdirSync(output).sort()).toEqual(["README", "bin"]);
    expect(readFileSync(join(output, "bin", "tool.exe"), "latin1")).toBe("x");
  });

  test.each([
    ["made by unix", ["bin\\tool"], "unix"],
    ["beside a slash", ["bin\\tool", "lib/x"], "fat"],
  ] as const)("%s: are refused", async (_, names, host) => {
    await expect(extract(zipOf(names, host))).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  });

  test.each([["..\\evil"], ["\\evil"], ["a\\..\\..\\evil"], ["C:\\evil"]])("%s does not lead outside", async (name) => {
    await expect(extract(zipOf([name], "fat"))).rejects.toMatchObject({ code: "ARCHIVE_UNSAFE" });
  });
});
