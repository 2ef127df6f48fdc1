/** Whether the cache may hold what a checkout shipped: what is noted there is not believed then. */
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readConfigFiles } from "../../src/config/file.ts";
import { readSettings, type SettingsOverrides } from "../../src/config/settings.ts";
import { testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

interface Place {
  /** Of the checkout, with `.buckconfig`. */
  readonly root: string;
  readonly homeDir: string;
  readonly isCacheInProject: (overrides?: SettingsOverrides, cwd?: string) => Promise<boolean>;
}

function place(): Place {
  const homeDir = temporaryFolder();
  const root = join(homeDir, "work", "checkout");
  mkdirSync(join(root, "a"), { recursive: true });
  writeFileSync(join(root, ".buckconfig"), "");
  return {
    root,
    homeDir,
    isCacheInProject: async (overrides = {}, cwd = join(root, "a")) => {
      const context = testContext({ cwd, homeDir });
      return readSettings(overrides, context, await readConfigFiles(context)).isCacheInProject;
    },
  };
}

test("isCacheInProject: false for the user's own folder, also above the checkout and beside it", async () => {
  const { homeDir, isCacheInProject } = place();
  expect(await isCacheInProject()).toBe(false);
  expect(await isCacheInProject({ cacheDir: join(homeDir, "work") })).toBe(false);
  expect(await isCacheInProject({ cacheDir: join(homeDir, "work", "checkout-cache") })).toBe(false);
  // A shell in the home folder, or above it, is in no checkout; a file of the user's in the home makes none of it.
  expect(await isCacheInProject({}, homeDir)).toBe(false);
  expect(await isCacheInProject({}, "/")).toBe(false);
  writeFileSync(join(homeDir, "buck2-oras.json"), "{}");
  expect(await isCacheInProject()).toBe(false);
});

test("isCacheInProject: true in the checkout, whoever names the folder and however the way goes there", async () => {
  const { root, homeDir, isCacheInProject } = place();
  expect(await isCacheInProject({ cacheDir: join(root, "cache") })).toBe(true);
  expect(await isCacheInProject({ cacheDir: "../cache" })).toBe(true);
  expect(await isCacheInProject({ cacheDir: root })).toBe(true);
  symlinkSync(root, join(homeDir, "way"));
  expect(await isCacheInProject({ cacheDir: join(homeDir, "way", "b", "c") })).toBe(true);
  // Who made the link may still make what it leads to.
  symlinkSync(join(root, "later"), join(homeDir, "nowhere"));
  expect(await isCacheInProject({ cacheDir: join(homeDir, "nowhere") })).toBe(true);
  // A link that leads out of it ends in a folder that the checkout cannot fill.
  symlinkSync(homeDir, join(root, "out"));
  expect(await isCacheInProject({ cacheDir: join(root, "out") })).toBe(false);
});

test("isCacheInProject: a folder without Buck2's files is no checkout, that of the project's file is one", async () => {
  const { root, homeDir, isCacheInProject } = place();
  const plain = join(homeDir, "plain");
  mkdirSync(plain);
  expect(await isCacheInProject({ cacheDir: ".cache" }, plain)).toBe(false);
  writeFileSync(join(root, "a", ".buckroot"), "");
  expect(await isCacheInProject({ cacheDir: join(root, "cache") })).toBe(false);
  writeFileSync(join(root, "buck2-oras.json"), '{"cacheDir": "cache"}');
  expect(await isCacheInProject({ cacheDir: join(root, "cache") })).toBe(true);
  expect(await isCacheInProject()).toBe(true);
});
