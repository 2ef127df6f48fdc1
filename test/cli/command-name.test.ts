/** Hints name the command that the reader types: `buck2-oras`, or `buck2 run TARGET --`. */
import { describe, expect, test } from "vitest";
import { readCaller, withCommand } from "../../src/cli/command-name.ts";
import { oras } from "../support/executable.ts";
import { layoutProject } from "../support/layout-project.ts";

describe("caller", () => {
  test("a target or an alias is taken from the first argument alone", () => {
    expect(readCaller(["--called-as=oras//tools:oras", "list"])).toEqual({
      command: "buck2 run oras//tools:oras --",
      argv: ["list"],
    });
    expect(readCaller(["list", "--called-as=oras"])).toEqual({
      command: "buck2-oras",
      argv: ["list", "--called-as=oras"],
    });
    expect(readCaller([])).toEqual({ command: "buck2-oras", argv: [] });
  });

  test.each(["", "a b", "`x`", "$(x)", "a\nb", "--config=a.b=c", "@options"])("%j is no target", (name) => {
    expect(readCaller([`--called-as=${name}`])).toEqual({ command: "buck2-oras", argv: [] });
  });

  test("only commands are replaced", () => {
    const text =
      "run `buck2-oras lock update`; buck2-oras looks there\n  buck2-oras list\n`buck2-oras`, buck2-oras.json";
    expect(withCommand(text, "buck2 run oras --")).toBe(
      "run `buck2 run oras -- lock update`; buck2-oras looks there\n  buck2 run oras -- list\n`buck2-oras`, buck2-oras.json",
    );
  });
});

describe("executable", () => {
  test("hints, notes, warnings and help name the target; results and files do not", async () => {
    const called = "--called-as=tools//x:oras";
    const project = await layoutProject();
    const words = "buck2 run tools//x:oras --";
    expect((await oras([called, "lst"])).stderr).toContain(`\`${words} --help\``);
    expect(JSON.parse((await oras([called, "lst", "--json"])).stdout).error.hint).toContain(words);
    expect((await oras([called, "lock", "add", "--help"])).stdout).toContain(`\n  ${words} lock add protoc `);
    expect((await project.oras([called, "list"])).stderr).toContain(`\n  ${words} lock add NAME`);
    expect((await oras([called, "completion", "bash"])).stdout).toBe((await oras(["completion", "bash"])).stdout);
    expect((await oras([called, "--version"])).stdout).toMatch(/^buck2-oras /);
  });

  test("without a command, the help", async () => {
    expect((await oras(["--called-as=oras"])).stdout).toContain("Commands:");
  });
});
