import { describe, expect, test } from "vitest";
import { readSettings } from "../../src/config/settings.ts";
import { noConfigFiles, testContext } from "../support/context.ts";

const homeDir = "/home/u";

describe("the cache folder", () => {
  test.each([
    ["linux", {}, "/home/u/.cache/buck2-oras"],
    ["linux", { XDG_CACHE_HOME: "/x" }, "/x/buck2-oras"],
    ["linux", { XDG_CACHE_HOME: "" }, "/home/u/.cache/buck2-oras"],
    ["darwin", { XDG_CACHE_HOME: "/x" }, "/home/u/Library/Caches/buck2-oras"],
    ["linux", { XDG_CACHE_HOME: "/x", BUCK2_ORAS_CACHE_DIR: "/c" }, "/c"],
  ] as const)("on %s with %j is %s", (os, env, expected) => {
    expect(readSettings({}, testContext({ os, env, homeDir }), noConfigFiles).cacheDir).toBe(expected);
  });

  test("on Windows it is below LOCALAPPDATA", () => {
    const env = { LOCALAPPDATA: "/Users/u/Local" };
    expect(readSettings({}, testContext({ os: "win32", env }), noConfigFiles).cacheDir).toBe(
      "/Users/u/Local/buck2-oras",
    );
  });

  test("an option comes before the variable", () => {
    const context = testContext({ env: { BUCK2_ORAS_CACHE_DIR: "/c" } });
    expect(readSettings({ cacheDir: "/o" }, context, noConfigFiles).cacheDir).toBe("/o");
  });
});

describe("the default registry", () => {
  test("is none unless it is named: by the option, then by the variable", () => {
    expect(readSettings({}, testContext(), noConfigFiles).registry).toBeUndefined();
    const context = testContext({ env: { BUCK2_ORAS_REGISTRY: "ghcr.io" } });
    expect(readSettings({}, context, noConfigFiles).registry).toBe("ghcr.io");
    expect(readSettings({ registry: "localhost:5000" }, context, noConfigFiles).registry).toBe("localhost:5000");
    expect(readSettings({}, testContext({ env: { BUCK2_ORAS_REGISTRY: "" } }), noConfigFiles).registry).toBeUndefined();
  });

  test("that is no host is a usage error as an option, and a configuration error as a variable", () => {
    const read = (registry: string | undefined, env: Record<string, string>) => () =>
      readSettings({ registry }, testContext({ env }), noConfigFiles);
    expect(read("https://ghcr.io/acme", {})).toThrow(expect.objectContaining({ exitCode: 64 }));
    expect(read(undefined, { BUCK2_ORAS_REGISTRY: "https://ghcr.io" })).toThrow(
      expect.objectContaining({ code: "CONFIG_INVALID", exitCode: 78 }),
    );
  });
});

test.each([0, -1, Number.NaN, Number.POSITIVE_INFINITY, 3e6])(
  "a timeout of %d seconds is refused",
  (timeoutSeconds) => {
    expect(() => readSettings({ timeoutSeconds }, testContext(), noConfigFiles)).toThrow(
      expect.objectContaining({ exitCode: 64 }),
    );
  },
);

test("a timeout is 600 seconds unless said otherwise, in milliseconds", () => {
  expect(readSettings({}, testContext(), noConfigFiles).timeoutMs).toBe(600_000);
  expect(readSettings({ timeoutSeconds: 0.0005 }, testContext(), noConfigFiles).timeoutMs).toBe(1);
});
