/** The scripts in front of Node and protoc, as `//tools` runs them. */
import { statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { errorCodes } from "../../src/errors.ts";
import { repository } from "../support/consumer.ts";
import { temporaryFolder } from "../support/folders.ts";
import { run } from "../support/run.ts";

const tool = (name: string): string => join(repository, "tools", name);

test("launcher: without node it says so in our words, with the exit code of its kind", async () => {
  const ran = await run("/bin/sh", [tool("run-node.sh"), "program.cjs"], { env: { PATH: temporaryFolder() } });
  expect(ran.exitCode).toBe(errorCodes.NODE_NOT_FOUND.exit);
  expect(ran.stderr).toMatch(/^error\[NODE_NOT_FOUND\]: Node\.js not found: no `node` on the PATH\n {2}hint: \S.*\n$/);
});

test("launcher: BUCK2_ORAS_NODE names another node, which is missed by its own name", async () => {
  const program = join(temporaryFolder(), "program.cjs");
  writeFileSync(program, "process.stdout.write(process.argv.slice(2).join('|')); process.exitCode = 7;");
  const args = [tool("run-node.sh"), program, "a b", "$HOME", "*"];
  const ran = await run("/bin/sh", args, { env: { PATH: "", BUCK2_ORAS_NODE: process.execPath } });
  expect(ran).toMatchObject({ exitCode: 7, stdout: "a b|$HOME|*" });
  const missed = await run("/bin/sh", args, { env: { BUCK2_ORAS_NODE: "/nowhere/node" } });
  expect(missed.stderr).toContain("no `/nowhere/node`");
});

test("launcher: Node reads no file that the words of a tool name", async () => {
  const cwd = temporaryFolder();
  const program = join(cwd, "program.cjs");
  writeFileSync(program, "process.stdout.write(process.argv.slice(2).join('|'));");
  writeFileSync(join(cwd, "own.cjs"), "process.stdout.write('own code');");
  writeFileSync(join(cwd, ".env"), "NODE_OPTIONS=--require=./own.cjs\n");
  const args = [tool("run-node.sh"), program, "run", "compose", "--env-file", ".env"];
  const ran = await run("/bin/sh", args, { cwd, env: { PATH: "", BUCK2_ORAS_NODE: process.execPath } });
  expect(ran).toMatchObject({ exitCode: 0, stdout: "run|compose|--env-file|.env" });
});

test("launcher: the output folder is made before the program runs, and the program's exit code is kept", async () => {
  const folder = join(temporaryFolder(), "a b", "c");
  const args = [tool("shell/make-output-folder.sh"), "/bin/sh", "-c", 'test -d "$OUTPUT_FOLDER" && exit 5'];
  const ran = await run("/bin/sh", args, { env: { OUTPUT_FOLDER: folder } });
  expect(ran.exitCode).toBe(5);
  expect(statSync(folder).isDirectory()).toBe(true);
});
