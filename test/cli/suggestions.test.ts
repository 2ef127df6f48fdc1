/** What is answered to a slip: the command, the option or the whole line that was meant. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { CliIo } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/program.ts";
import { OrasClientError } from "../../src/errors.ts";
import { layoutProject } from "../support/layout-project.ts";

const silent = { write: () => true };
const io: CliIo = {
  stdout: silent,
  stderr: silent,
  stdin: process.stdin,
  terminal: process.stderr,
  paint: (_, text) => text,
  setExitCode: () => {},
  command: "buck2-oras",
  launcher: [],
  runProgram: () => Promise.reject(new Error("no program runs here")),
  withSession: () => Promise.reject(new Error("no command runs here")),
  withServices: () => Promise.reject(new Error("no command runs here")),
};

async function hintOf(line: string): Promise<string> {
  const error: unknown = await runCli(line.split(" "), io).catch((thrown: unknown) => thrown);
  if (!(error instanceof OrasClientError)) throw new Error(`${line}: no error of ours`, { cause: error });
  expect(error.exitCode).toBe(64);
  return error.hint ?? "";
}

describe("slip", () => {
  test.each([
    ["lst", "did you mean `list`?"],
    ["pul x", "did you mean `pull`?"],
    ["lock ad x", "did you mean `add`?"],
    ["instal x", "write `pull REF -o DIR`"],
    ["pull --ouput d x", "did you mean `--output`?"],
    ["pull --ouput=/a/long/path x", "did you mean `--output`?"],
    ["pull --dest d x", "did you mean `--output`?"],
    ["prune --keep 3 x", "did you mean `--keep-last`?"],
    ["prune --older 3 x", "did you mean `--older-than`?"],
    ["prune --yes x", "did you mean `--delete`?"],
    ["init --force", "did you mean `--yes`?"],
    ["list --insecure x", "did you mean `--plain-http`?"],
  ])("%s: %s", async (line, expected) => {
    expect(await hintOf(line)).toContain(expected);
  });

  test.each(["list --foo", "prune --xyz x", "list --yes", "zzzzzz"])("%s is like nothing", async (line) => {
    expect(await hintOf(line)).toMatch(/^for usage, see `/);
  });

  test("a word that an option took is named", async () => {
    expect(await hintOf("prune --tag localhost/a")).toMatch(/^add REPO: --tag took the next word, localhost\/a, /);
    expect(await hintOf("copy --lock oci:mirror")).toContain("`buck2-oras copy --lock oras.lock.json oci:mirror`");
    expect(await hintOf("copy --lock oras.lock.json")).toMatch(/^add SOURCE: /);
  });
});

test("hints have the line to type: an output for several files, and the lock of a copy", async () => {
  const project = await layoutProject();
  writeFileSync(join(project.dir, "other"), "x");
  expect((await project.oras(["push", "oci:layout:2", "."])).exitCode).toBe(0);
  expect((await project.oras(["pull", "oci:layout:2", "--platform", "linux-x86_64"])).stderr).toContain(
    "`buck2-oras pull oci:layout:2 --platform linux-x86_64 -o layout`",
  );
  expect((await project.oras(["pull", "oci:layout:1.0", "--extract"])).stderr).toContain("--extract -o layout`");
  expect((await project.oras(["copy", "--lock", "oci:a", "oci:b"])).stderr).toContain(
    "`buck2-oras copy --lock oras.lock.json oci:a oci:b`",
  );
});

test("prune: what has no creation time stays, and how to state one is said", async () => {
  const project = await layoutProject();
  const ran = await project.oras(["prune", "oci:layout", "--older-than", "1"]);
  expect(ran.stderr).toContain("No tag of oci:layout would be removed");
  expect(ran.stderr).toContain("--created of `buck2-oras push`");
  expect((await project.oras(["prune", "oci:layout", "--keep-last", "1"])).stderr).not.toContain("--created");
});

test("copy: without a terminal one line per blob worth a word, and a summary without zeros", async () => {
  const project = await layoutProject();
  writeFileSync(join(project.dir, "large"), "#!/bin/sh\n".padEnd(4096, "x"));
  await project.oras(["push", "oci:layout:3", "large", "--compression", "none"]);
  const first = await project.oras(["copy", "oci:layout:3", "oci:other:3"]);
  expect(first.stderr.replace(/in \d.*/, "in")).toMatch(
    /^Sent large → oci:other: 4\.1 kB in\nSent \d blobs and 1 manifest, \d\.\d kB\n$/,
  );
  const again = await project.oras(["copy", "oci:layout:3", "oci:other:3"]);
  expect(again.stderr).toBe("Sent nothing; there already: 1 manifest\n");
});
