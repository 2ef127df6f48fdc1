/** Whoever wrote the text on a command line (it was pasted, or is a file's name): Tab takes it for words, and runs nothing. */
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { temporaryFolder } from "../support/folders.ts";
import { type InteractiveShell, tab, wordsAfter } from "../support/typing.ts";

const shells: readonly InteractiveShell[] = ["bash", "zsh", "fish"];

describe.each(shells)("completion in %s", (shell) => {
  test("what is typed is never run", async (context) => {
    const dir = temporaryFolder();
    const substitution = (file: string): string => (shell === "fish" ? `(touch ${file})` : `\`touch ${file}\``);
    const lines = [
      "buck2-oras pull $(touch ran-1) ",
      'buck2-oras pull "$(touch ran-3)" --pl',
      "buck2-oras pull '$(touch ran-4)' --pl",
      "buck2-oras pull --platform='$(touch ran-5)='",
      "buck2-oras pull 'x; touch ran-7 #' ",
      "buck2-oras pull x\\;touch\\ ran-8\\; ",
      `buck2-oras pull ${substitution("ran-9")} `,
      "buck2-oras pull 'a[$(touch ran-10)]' ",
      // zsh itself, whatever the program, expands the word that Tab is pressed in.
      ...(shell === "zsh" ? [] : ["buck2-oras pull $(touch ran-2)x", "buck2-oras pull --platform=$(touch ran-6)="]),
    ].map((line) => `${line}${tab}`);
    await wordsAfter(shell, [...lines, "buck2-oras end"], dir, context);
    expect(readdirSync(dir).filter((name) => name.startsWith("ran"))).toEqual([]);
  });

  test("the file of a redirection stays as it is", async (context) => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, "precious"), "text\n");
    const lines = [">", ">>", "2>", "&>", "<"].flatMap((sign) => [
      `buck2-oras pull x ${sign} precious ${tab}`,
      `buck2-oras pull x ${sign} preci${tab}`,
    ]);
    await wordsAfter(shell, [...lines, "buck2-oras end"], dir, context);
    expect(readFileSync(join(dir, "precious"), "utf8")).toBe("text\n");
  });

  test("candidates are offered, and where there are none, files", async (context) => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, "some notes; $(touch ran).txt"), "");
    mkdirSync(join(dir, "folder"));
    const left = async (line: string): Promise<readonly string[]> => await wordsAfter(shell, [line], dir, context);
    expect(await left(`buck2-oras pul${tab}`)).toEqual(["pull"]);
    expect(await left(`buck2-oras pull x --platf${tab}`)).toEqual(["pull", "x", "--platform"]);
    expect(await left(`buck2-oras pull x --platform darwin-a${tab}`)).toEqual([
      "pull",
      "x",
      "--platform",
      "darwin-arm64",
    ]);
    expect(await left(`buck2-oras pull x --platform=darwin-a${tab}`)).toEqual(["pull", "x", "--platform=darwin-arm64"]);
    expect(await left(`buck2-oras --registry localhost:5000 loc${tab}a${tab}`)).toEqual([
      "--registry",
      "localhost:5000",
      "lock",
      "add",
    ]);
    expect(await left(`buck2-oras verify some${tab}`)).toEqual(["verify", "some notes; $(touch ran).txt"]);
    // zsh takes its slash away again when a program is about to get it.
    expect((await left(`buck2-oras pull x -o fol${tab}`)).join(" ").replace(/\/$/, "")).toBe("pull x -o folder");
    expect(readdirSync(dir)).not.toContain("ran");
  }, 60_000);
});
