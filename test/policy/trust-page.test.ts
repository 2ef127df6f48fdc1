/** The console of docs/trust.md, line by line, with real cosign and a real registry in the place of ghcr.io. */
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { expect, test } from "vitest";
import { orasWords } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { startRealRegistry } from "../support/real-registries.ts";
import { run } from "../support/run.ts";

interface Step {
  readonly line: string;
  readonly shown: readonly string[];
}

function stepsOf(heading: string): readonly Step[] {
  const page = readFileSync(resolve(import.meta.dirname, "../../docs/trust.md"), "utf8");
  const [, section = ""] = page.split(`## ${heading}\n`);
  const [, block = ""] = section.split("```console\n");
  const lines = (block.split("```")[0] ?? "").trimEnd().split("\n");
  const steps: { line: string; shown: string[] }[] = [];
  for (const line of lines) {
    if (line.startsWith("$ ")) steps.push({ line: line.slice(2), shown: [] });
    else steps.at(-1)?.shown.push(line);
  }
  return steps;
}

test("docs/trust.md: from nothing to «only what our key signed», as it stands there", async (context) => {
  requireProgram(context, "cosign");
  requireProgram(context, "git");
  const host = await startRealRegistry("zot", context);
  const dir = temporaryFolder();
  const git = { GIT_AUTHOR_NAME: "a", GIT_AUTHOR_EMAIL: "a@b.example", GIT_COMMITTER_NAME: "a" };
  const env = { HOME: dir, COSIGN_PASSWORD: "", ...git, GIT_COMMITTER_EMAIL: "a@b.example" };
  for (const name of ["protoc", "other"]) writeFileSync(join(dir, name), `#!/bin/sh\necho ${name}\n`, { mode: 0o755 });
  writeFileSync(join(dir, ".buckconfig"), "");
  await run("git", ["init", "-q"], { cwd: dir, env });
  const steps = stepsOf("From nothing to «only what our key signed»");
  expect(steps.length + steps.flatMap(({ shown }) => shown).length).toBeLessThanOrEqual(15);
  const here = (text: string): string => text.replaceAll("ghcr.io/acme", `${host}/acme`);
  for (const { line, shown } of steps) {
    const ran = await run("sh", ["-c", here(line).replace(/^buck2-oras /, `${orasWords()} `)], { cwd: dir, env });
    const output = ran.stdout + ran.stderr;
    const isError = shown.some((one) => one.startsWith("error["));
    expect([ran.exitCode, isError], `${line}\n${output}`).toEqual(isError ? [65, true] : [0, false]);
    for (const one of shown) expect(output).toContain(here(one).split("…")[0]);
  }
  const committed = await run("git", ["show", "HEAD:oras.lock.json"], { cwd: dir, env });
  expect(committed.stdout).toBe(readFileSync(join(dir, "oras.lock.json"), "utf8"));
  expect(committed.stdout).toContain('"signatures"');
});
