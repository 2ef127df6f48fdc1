import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { ociPlatform, platformStrings } from "../../src/model/platform.ts";
import { repository } from "../support/consumer.ts";

/** Buck2's words for OCI's, where they differ. */
const osOfBuck2: Readonly<Record<string, string>> = { darwin: "macos" };
const cpuOfBuck2: Readonly<Record<string, string>> = { amd64: "x86_64" };

test("platform table: prelude_ext/platforms.bzl has the platform strings of src/model/platform.ts, told by os and cpu", () => {
  const text = readFileSync(join(repository, "prelude_ext", "platforms.bzl"), "utf8");
  const dict = /^PLATFORM_CONSTRAINTS = (\{[\s\S]*?^\})/m.exec(text)?.[1] ?? "";
  const table: unknown = JSON.parse(dict.replaceAll(/,(?=\n\})/g, ""));
  const expected = platformStrings.map((platform) => {
    const { os, architecture } = ociPlatform(platform);
    const settings = [`prelude//os:${osOfBuck2[os] ?? os}`, `prelude//cpu:${cpuOfBuck2[architecture] ?? architecture}`];
    return [platform, settings];
  });
  expect(table).toEqual(Object.fromEntries(expected));
});
