import { describe, expect, test } from "vitest";
import type { ListedEntry } from "../../src/archive/list.ts";
import { candidatesIn, chooseTool, findStated, includeIn, toolFilesIn } from "../../src/locking/tool-files.ts";

type Kind = "binary" | "script" | "mode" | "data";

/** Entries by path: the kind of the file, or `→ PATH` for a link to another entry. */
function entries(tree: Readonly<Record<string, Kind | `→ ${string}`>>, isMarked = false): readonly ListedEntry[] {
  const one = (path: string, text: string): ListedEntry => {
    if (text.startsWith("→ ")) {
      const target = text.slice(2);
      return { ...one(target, tree[target] ?? "data"), path, kind: "symlink", linkedFile: target };
    }
    return {
      path,
      kind: "file",
      mode: 0o755,
      size: 1,
      isMarked: isMarked || text !== "data",
      program: text === "binary" || text === "script" ? text : undefined,
      linkedFile: undefined,
    };
  };
  return Object.entries(tree).map(([path, text]) => one(path, text));
}

const linux = "linux-x86_64";

describe("chooseTool", () => {
  const cases: Readonly<Record<string, readonly [string, Parameters<typeof entries>[0], string | undefined]>> = {
    "the name, beside another program": ["uv", { "uv-x86_64/uv": "binary", "uv-x86_64/uvx": "binary" }, "uv-x86_64/uv"],
    "the name, beside data": [
      "age",
      { "age/age": "binary", "age/age-keygen": "binary", "age/LICENSE": "data" },
      "age/age",
    ],
    "the shallowest": ["java", { "jdk/jre/bin/java": "binary", "jdk/bin/java": "binary" }, "jdk/bin/java"],
    "`bin` at one depth": ["tool", { "tool-1/tool": "script", "tool-1/bin/tool": "binary" }, "tool-1/bin/tool"],
    "a link to a file": ["clang", { "bin/clang": "→ bin/clang-17", "bin/clang-17": "binary" }, "bin/clang"],
    "the only binary, beside a library": ["x", { tool: "binary", "libx.so.1": "binary" }, "tool"],
    "the only program of Windows, beside a library": ["x", { "tool.exe": "binary", "x.dll": "binary" }, "tool.exe"],
    "the name with `.exe`": ["tool", { "tool.exe": "binary", "other.exe": "binary" }, "tool.exe"],
    AppleDouble: ["x", { tool: "binary", "._tool": "binary", "__MACOSX/tool": "binary" }, "tool"],
    "the only binary, beside scripts": ["x", { tool: "binary", "install.sh": "script" }, "tool"],
    "the only script": ["x", { "tool.sh": "script", "README.md": "data" }, "tool.sh"],
    "the only file with a mode": ["x", { "tool.pl": "mode", "README.md": "data" }, "tool.pl"],
    "a program before a file for a shell": ["rg", { "rg-linux": "binary", "complete/rg": "data" }, "rg-linux"],
    "the name alone, of a file without a sign": ["tool", { tool: "data", "README.md": "data" }, "tool"],
    "a native module": ["x", { tool: "binary", "addon.node": "binary", "lib.dylib": "binary" }, "tool"],
    "several, none of the name": ["uvtools", { uv: "binary", uvx: "binary" }, undefined],
    data: ["protos", { "a.proto": "data", "b.proto": "data" }, undefined],
    "links do not count as further programs": ["x", { a: "binary", b: "→ a" }, "a"],
  };
  test.each(Object.entries(cases))("%s", (_, [name, tree, expected]) => {
    expect(chooseTool(toolFilesIn(entries(tree)), name, linux)).toBe(expected);
  });

  test("modes that mark every file are no evidence", () => {
    const files = toolFilesIn(entries({ tool: "binary", "README.md": "data", "a.proto": "data" }, true));
    expect(chooseTool(files, "x", linux)).toBe("tool");
    expect(candidatesIn(files).map(({ path }) => path)).toEqual(["tool"]);
  });

  test("Windows prefers `.exe`, other systems the bare name", () => {
    const files = toolFilesIn(entries({ "bin/tool": "script", "bin/tool.exe": "binary" }));
    expect(chooseTool(files, "tool", "windows-x86_64")).toBe("bin/tool.exe");
    expect(chooseTool(files, "tool", linux)).toBe("bin/tool");
  });
});

test("findStated: a whole path, the end of a path, `.exe` left out; no part of a name", () => {
  const files = toolFilesIn(entries({ "t-1.0/bin/a": "binary", "t-1.0/b.exe": "binary", "t-1.0/data": "data" }));
  expect(findStated(files, "t-1.0/bin/a", linux)).toBe("t-1.0/bin/a");
  expect(findStated(files, "bin/a", linux)).toBe("t-1.0/bin/a");
  expect(findStated(files, "./bin/a", linux)).toBe("t-1.0/bin/a");
  expect(findStated(files, "b", "windows-x86_64")).toBe("t-1.0/b.exe");
  expect(findStated(files, "data", linux)).toBe("t-1.0/data");
  expect(findStated(files, "ata", linux)).toBeUndefined();
});

test("includeIn: a folder of macOS metadata is none", () => {
  expect(includeIn(entries({ "__MACOSX/include/._a": "data", "t/include/a": "data" }))).toBe("t/include");
});
