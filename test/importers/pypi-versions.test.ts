import { describe, expect, test } from "vitest";
import { statedVersions } from "../../src/importers/pypi-versions.ts";

const page = "Could not fetch URL http://index/simple/tool/: 404 Client Error - skipping\n";

function answer(exitCode: number, text: string): Parameters<typeof statedVersions>[0] {
  return { exitCode, stdout: text, output: text };
}

describe("the versions of a package on PyPI", () => {
  const listed = answer(0, "tool (2.0)\nAvailable versions: 2.0, 1.10.0, 1.0\n  INSTALLED: 1.0\n");

  test.each(["1", "1.0.0", "v1.0", "2", "1.10", "01.0"])("%s is there, in another spelling", (version) => {
    expect(statedVersions(listed, version).is).toBe("known");
  });

  test.each(["1.1", "3", "1.10.1", "10"])("%s is not there", (version) => {
    expect(statedVersions(listed, version)).toEqual({ is: "absent", known: ["2.0", "1.10.0", "1.0"] });
  });

  test.each(["1.0rc1", "1.0-1", "2.0+local", "1!1.0"])("%s has many spellings, and is asked for", (version) => {
    expect(statedVersions(listed, version).is).toBe("known");
  });

  test("an older pip, an index in trouble, and a package without wheels say nothing", () => {
    for (const [exitCode, text] of [
      [1, 'ERROR: unknown command "index"'],
      [1, "ERROR: No matching distribution found for tool"],
      [
        1,
        `${page}Could not fetch URL http://other/simple/tool/: 503 Server Error\nNo matching distribution found for tool`,
      ],
      [0, "tool (2.0)\n"],
    ] as const) {
      expect(statedVersions(answer(exitCode, text), "1.0").is, text).toBe("known");
    }
    expect(statedVersions(answer(1, `${page}ERROR: No matching distribution found for tool`), "1.0").is).toBe(
      "no package",
    );
  });
});
