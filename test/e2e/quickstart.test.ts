/** `npm run quickstart` where something is lacking; what it does otherwise needs a package registry. */
import { cpSync, existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { cellOrigin } from "../../scripts/origin.mjs";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { succeeding } from "../support/succeeding.ts";

const root = resolve(import.meta.dirname, "../..");

/** A clone without `npm install`, in small. */
function clone(): string {
  const dir = temporaryFolder();
  for (const path of ["scripts/quickstart.mjs", "scripts/origin.mjs", "dist/buck2-oras.cjs"])
    cpSync(join(root, path), join(dir, path));
  return dir;
}

test("quickstart: without pip it says what to install", async (context) => {
  const cwd = clone();
  const bin = join(cwd, "bin");
  mkdirSync(bin);
  symlinkSync(process.execPath, join(bin, "node"));
  symlinkSync(requireProgram(context, "env"), join(bin, "env"));
  const ran = await run(process.execPath, ["scripts/quickstart.mjs"], { cwd, env: { PATH: bin } });
  expect(ran.stdout).toMatch(/^ {3}\.quickstart\/project \$ buck2-oras --version\nbuck2-oras \d+\.\d+\.\d+$/m);
  expect(ran.stderr).toBe(
    "error: Python with pip not found\n  hint: install python3 and python3-pip; then run `npm run quickstart` again\n",
  );
  expect(ran.exitCode).toBe(1);
});

test("quickstart: without a network the command's error is shown, and a hint, and no stack", async (context) => {
  requireProgram(context, "python3");
  const cwd = clone();
  const env = {
    HTTPS_PROXY: "http://127.0.0.1:9",
    HTTP_PROXY: "http://127.0.0.1:9",
    PIP_INDEX_URL: "https://127.0.0.1:9/",
  };
  const ran = await run(process.execPath, ["scripts/quickstart.mjs"], { cwd, env });
  if (ran.stderr.includes("Python with pip not found")) context.skip("python3 has no pip");
  expect(ran.exitCode).toBe(1);
  expect(ran.stderr).toMatch(/^error\[IMPORT_FAILED\]: /);
  expect(ran.stderr).toMatch(/^ {2}hint: check the network, .*then run `npm run quickstart` again$/m);
  expect(ran.stderr).not.toMatch(/^\s+at /m);
  expect(existsSync(join(cwd, ".quickstart/project/oras.lock.json"))).toBe(false);
  expect(readdirSync(cwd).sort()).toEqual([".quickstart", "dist", "scripts"]);
});

test("quickstart: its project is a root of its own, so that the lock stays in it and out of the clone's root", async () => {
  const cwd = clone();
  // As in this repository.
  for (const marker of [".buckroot", ".buckconfig"]) writeFileSync(join(cwd, marker), "");
  const env = { PIP_INDEX_URL: "https://127.0.0.1:9/", HTTPS_PROXY: "http://127.0.0.1:9" };
  await run(process.execPath, ["scripts/quickstart.mjs"], { cwd, env });
  const project = join(cwd, ".quickstart/project");
  const listed = await run(process.execPath, [join(cwd, "dist/buck2-oras.cjs"), "list"], { cwd: project });
  expect(listed.stderr).toContain("No tool is locked in oras.lock.json.");
});

/** Remotes of clones, and what the last words of the quickstart give to `init --origin`. */
const remotes: readonly (readonly [remote: string, origin: string])[] = [
  ["/srv/git/buck2-oras", "file:///srv/git/buck2-oras"],
  ["/srv/a b", "file:///srv/a%20b"],
  ["https://ann:secret@git.example/buck2-oras.git", "https://git.example/buck2-oras.git"],
  ["https://git.example:8443/buck2-oras.git", "https://git.example:8443/buck2-oras.git"],
  ["git@git.example:acme/buck2-oras.git", "git@git.example:acme/buck2-oras.git"],
];

test.for(remotes)("quickstart: `init` takes the origin of a clone of %s", async ([remote, origin]) => {
  expect(cellOrigin(remote)).toBe(origin);
  const args = ["init", "--dry-run", "--origin", origin, "--commit", "a".repeat(40)];
  const ran = await succeeding(oras(args, { cwd: temporaryFolder() }));
  expect(ran.stdout).toContain(`git_origin = ${origin}`);
});
