/** Real packages, one of each kind that was refused or taken wrongly; skipped without network. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { importDesk } from "../support/import-desk.ts";
import { requireProgram, type Skippable } from "../support/peers.ts";
import { type Ran, run } from "../support/run.ts";

const noNetwork = /ENOTFOUND|EAI_AGAIN|ECONNREFUSED|name resolution|Unknown host|no such host/i;

function requireNetwork(context: Skippable, ran: Ran): void {
  if (ran.exitCode === 69 && noNetwork.test(ran.stderr)) context.skip("the package registry cannot be reached");
}

test.for([
  ["npm", "npm:lefthook@2.2.2", "lefthook", "version", /2\.2\.2/],
  ["npm", "npm:@ast-grep/cli@0.51.1", "ast-grep", "--version", /ast-grep 0\.51\.1/],
  ["python3", "pypi:clang-format@21.1.6", "clang-format", "--version", /version 21\.1\.6/],
] as const)("%s: %s runs as %s", async ([client, source, tool, argument, words], context) => {
  requireProgram(context, client);
  const { dir, call } = importDesk();
  const platform = `${process.platform}-${process.arch === "x64" ? "x86_64" : process.arch}`;
  if (platform !== "linux-x86_64") context.skip("the expected program is for linux-x86_64");
  const ran = await call(["import", source, "oci:layout:1", "--platform", platform, "--compression", "zstd:1"]);
  requireNetwork(context, ran);
  expect(ran.exitCode, ran.stderr).toBe(0);
  await call(["lock", "add", tool, "oci:layout:1"]);
  const lock = JSON.parse(readFileSync(join(dir, "oras.lock.json"), "utf8"));
  const { executable } = lock.tools[tool].platforms[platform].layers[0];
  await call(["pull", "oci:layout:1", "-o", "out"]);
  const said = await run(join(dir, "out", executable), [argument], { env: {} });
  expect(said.stdout + said.stderr).toMatch(words);
});

test.for([
  ["npm", "npm:oxlint@1.94.0", '"oxlint.linux-x64-gnu.node" is a library'],
  ["python3", "pypi:awscli@1.43.0", '"bin/aws" is a library, a script'],
  ["mvn", "maven:com.google.googlejavaformat:google-java-format:1.22.0:jar", "add the classifier of a jar"],
] as const)("%s: %s is no program, and says what it is", async ([client, source, message], context) => {
  requireProgram(context, client);
  const { call } = importDesk();
  const ran = await call(["import", source, "oci:layout:1", "--platform", "linux-x86_64"]);
  requireNetwork(context, ran);
  expect(ran.exitCode, ran.stderr).toBe(65);
  expect(ran.stderr).toContain(message);
});

test("mvn: a jar with everything in it is one file for every platform", async (context) => {
  requireProgram(context, "mvn");
  const { dir, call } = importDesk();
  const source = "maven:com.google.googlejavaformat:google-java-format:1.22.0:jar:all-deps";
  const ran = await call(["import", source, "oci:layout:1"]);
  requireNetwork(context, ran);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toContain("all platforms");
  await call(["pull", "oci:layout:1", "-o", "out"]);
  expect(existsSync(join(dir, "out/google-java-format.jar"))).toBe(true);
});
