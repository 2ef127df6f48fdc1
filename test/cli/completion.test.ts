/** What a shell is told when somebody presses Tab. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras, orasWords } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";

test("each shell gets a script", async () => {
  for (const shell of ["bash", "zsh", "fish", "powershell"]) {
    const script = await oras(["completion", shell]);
    expect(script.exitCode, script.stderr).toBe(0);
    expect(script.stdout.length).toBeGreaterThan(500);
    expect(script.stdout).toContain("buck2-oras");
    for (const option of ["--json", "--quiet"]) {
      expect(await oras(["completion", shell, option])).toEqual(script);
      expect(await oras([option, "completion", shell])).toEqual(script);
    }
  }
  expect((await oras(["completion", "tcsh"])).exitCode).toBe(64);
});

/** Those of `--help`, as a person reads them. */
async function commandsOf(...path: readonly string[]): Promise<string[]> {
  const { stdout } = await oras([...path, "--help"]);
  const [, section = ""] = /\nCommands:\n([\s\S]*?)\n\n/.exec(`${stdout}\n\n`) ?? [];
  return [...section.matchAll(/^ {2}([a-z-]+)/gm)].map(([, name]) => name ?? "");
}

test.each<[readonly string[], () => Promise<readonly string[]>]>([
  [["pu"], async () => ["pull", "push"]],
  [[""], async () => await commandsOf()],
  [["lock", ""], async () => await commandsOf("lock")],
  [
    ["pull", "--platform", ""],
    async () => ["linux-x86_64", "linux-aarch64", "darwin-x86_64", "darwin-arm64", "windows-x86_64", "windows-arm64"],
  ],
  [["lock", "update", "--format", ""], async () => ["text", "markdown"]],
  [["push", "--compression", ""], async () => ["zstd", "gzip", "none"]],
])("%j: a line for each candidate, and nothing that a shell would run", async (words, expected) => {
  const { stdout } = await oras(["complete", "--", ...words]);
  const lines = stdout.trim().split("\n");
  expect(lines.pop()).toMatch(/^:[0-9]+$/);
  expect(lines.map((line) => line.split("\t", 1)[0]).toSorted()).toEqual((await expected()).toSorted());
  expect(stdout).not.toMatch(/[`$"'\\]/);
});

test("in a bash: what Tab offers", async (context) => {
  const bash = requireProgram(context, "bash");
  const dir = temporaryFolder();
  const { stdout: script } = await oras(["completion", "bash"]);
  const program = `#!/bin/sh\nexec ${orasWords()} "$@"\n`;
  writeFileSync(join(dir, "buck2-oras"), program, { mode: 0o755 });
  const tab = `${script}
COMP_WORDS=(buck2-oras c); COMP_CWORD=1
[[ $(complete -p buck2-oras) =~ -F\\ ([^ ]+) ]] && "\${BASH_REMATCH[1]}" buck2-oras c buck2-oras
printf "%s\\n" "\${COMPREPLY[@]}"
`;
  writeFileSync(join(dir, "tab"), tab);
  const env = { PATH: `${dir}:${process.env.PATH ?? ""}` };
  const ran = await run(bash, ["tab"], { cwd: dir, env });
  const offered = ran.stdout
    .trim()
    .split("\n")
    .map((line) => line.split(/\s/, 1)[0]);
  expect(offered.toSorted(), ran.stderr).toEqual(["cache", "clear-cache", "completion", "config", "copy"]);
  expect(ran.stderr).toBe("");
});
