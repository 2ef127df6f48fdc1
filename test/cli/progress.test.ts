import type { ChildProcess } from "node:child_process";
import { Writable } from "node:stream";
import { describe, expect, test } from "vitest";
import { createTerminalProgress } from "../../src/cli/progress.ts";
import { oras, orasCommand } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { run } from "../support/run.ts";

class FakeTerminal extends Writable {
  readonly isTTY = true;
  readonly columns: number;
  text = "";

  constructor(columns: number) {
    super();
    this.columns = columns;
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.text += chunk.toString();
    done();
  }

  /** Without what moves the cursor. */
  lines(): string[] {
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escape sequences begin with one
    return this.text.split(/\n|\r|\u001b\[[0-9;?]*[A-Za-z]|\u001b[0-9A-Za-z]/).filter((line) => line !== "");
  }
}

describe("the progress bar", () => {
  test.each([
    [10, false, false],
    [20, false, false],
    [29, false, false],
    [30, false, true],
    [40, false, true],
    [55, false, true],
    [56, true, true],
    [80, true, true],
    [200, true, true],
  ])("fits a terminal of %i columns", async (columns, hasBar, hasSizes) => {
    const terminal = new FakeTerminal(columns);
    const progress = createTerminalProgress(terminal);
    const label = `registry.example/a/rather/long/repository/${"with-a-long-name".repeat(4)}/tool`;
    const tasks = [progress.start(label, 99_900_000, "fetch"), progress.start("x", 99_900_000, "fetch")];
    const untilShown = (text: string | RegExp): Promise<void> =>
      expect.poll(() => terminal.lines().join("\n")).toMatch(text);
    await untilShown(/\b0%/);
    for (const task of tasks) task.advance(99_800_000);
    await untilShown(/\b99%/);
    for (const task of tasks) task.advance(100_000);
    await untilShown(/\b100%/);
    const shown = terminal.lines();
    for (const task of tasks) task.done();
    progress.stop();
    expect(shown.join("\n")).toMatch(/0%[\s\S]*100%/);
    expect(Math.max(...shown.map((line) => line.length))).toBeLessThanOrEqual(columns);
    expect(/[=█]/.test(shown.join(""))).toBe(hasBar);
    expect(shown.join("").includes("99.8 MB/99.9 MB")).toBe(hasSizes);
  });

  test("is shown on a terminal, and not with --no-progress, --quiet, --json or without a terminal", async (context) => {
    const script = requireProgram(context, "script");
    const content = "#!/bin/sh\n".repeat(100);
    const bar = /\d+%/;
    // The bar is waited for; that there is none shows after a while in which it would have come.
    let finish = (): void => {};
    let isBarExpected = false;
    const server = await startServer(
      serveTool(content, (_request, response) => {
        response.writeHead(200, { "content-length": content.length });
        response.write(content.slice(0, 500));
        finish = () => void response.end(content.slice(500));
        if (!isBarExpected) setTimeout(finish, 1200);
      }),
    );
    const onStart = ({ stdout }: ChildProcess): void => {
      stdout?.on("data", (text: string) => {
        if (isBarExpected && bar.test(text)) finish();
      });
    };
    const args = ["pull", `${server.host}/t/tool:1`];
    const onTerminal = async (...options: string[]): Promise<string> => {
      const cacheDir = temporaryFolder();
      const command = [...orasCommand(), ...args, ...options].map((word) => `'${word}'`).join(" ");
      const env = { BUCK2_ORAS_CACHE_DIR: cacheDir };
      const ran = await run(script, ["-qec", command, "/dev/null"], { env, onStart });
      expect(ran.exitCode, ran.stdout).toBe(0);
      return ran.stdout;
    };
    isBarExpected = true;
    expect(await onTerminal()).toMatch(bar);
    isBarExpected = false;
    for (const option of ["--no-progress", "--quiet", "--json"]) expect(await onTerminal(option)).not.toMatch(bar);
    const piped = await oras(args, { env: { BUCK2_ORAS_CACHE_DIR: temporaryFolder() } });
    expect(piped.stderr).not.toMatch(bar);
    expect(piped.exitCode).toBe(0);
  });
});
