/** SECURITY.md names tests that are there. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";

const root = resolve(import.meta.dirname, "..");
const page = readFileSync(join(root, "SECURITY.md"), "utf8");
const named = [...page.matchAll(/`(test\/[^`]+)`/g)].map(([, path]) => path ?? "");

test("security page: every test that it names is there", () => {
  expect(named.length).toBeGreaterThan(20);
  expect(named.filter((path) => !existsSync(join(root, path)))).toEqual([]);
});

test("security page: it names every test of strangers", () => {
  const files = readdirSync(join(root, "test/strangers")).map((name) => `test/strangers/${name}`);
  const unnamed = files.filter((path) => path.endsWith(".test.ts") && !named.includes(path));
  expect(unnamed).toEqual([]);
});
