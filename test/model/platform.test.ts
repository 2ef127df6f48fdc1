import { expect, test } from "vitest";
import { parsePlatform, platformStrings } from "../../src/model/platform.ts";

test.each([
  ["linux-arm64", "linux-aarch64"],
  ["linux/amd64", "linux-x86_64"],
  ["linux/arm64/v8", "linux-aarch64"],
  ["Linux-x86_64", "linux-x86_64"],
  ["linux_amd64", "linux-x86_64"],
  ["linux-x86-64", "linux-x86_64"],
  ["linux-x64-musl", "linux-x86_64"],
  ["x86_64-unknown-linux-gnu", "linux-x86_64"],
  ["aarch64-unknown-linux-musl", "linux-aarch64"],
  ["x86_64-linux-gnu", "linux-x86_64"],
  ["macos-arm64", "darwin-arm64"],
  ["macos-x86_64", "darwin-x86_64"],
  ["macos-aarch64", "darwin-arm64"],
  ["osx-aarch_64", "darwin-arm64"],
  ["darwin-aarch64", "darwin-arm64"],
  ["arm64-apple-darwin", "darwin-arm64"],
  ["x86_64-apple-darwin21.6.0", "darwin-x86_64"],
  ["x86_64-pc-windows-msvc", "windows-x86_64"],
  ["win32-x64", "windows-x86_64"],
  ["windows/arm64", "windows-arm64"],
])("platform: %s means %s", (text, meant) => {
  expect(parsePlatform(text)).toBe(meant);
});

test.each(platformStrings)("platform: %s means itself", (text) => {
  expect(parsePlatform(text)).toBe(text);
});

test.each([
  "",
  "linux",
  "amd64",
  "linux-darwin-amd64",
  "linux/arm/v7",
  "linux-s390x",
  "i686-pc-windows-msvc",
  "toString",
])("platform: %s is refused with the list", (text) => {
  expect(() => parsePlatform(text)).toThrow(`unknown platform ${JSON.stringify(text)}`);
});
