/** What a person reads while a command works, with and without a terminal. */
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { paintFor } from "../../src/cli/colour.ts";
import { createMeter } from "../../src/cli/meter.ts";
import { createTerminalProgress } from "../../src/cli/progress.ts";
import { formatDuration, formatLine, shorten } from "../../src/cli/progress-line.ts";
import { widthOf } from "../../src/cli/text-width.ts";
import { createPlainTerminalProgress, createTransferLines } from "../../src/cli/transfer-lines.ts";
import { noProgress } from "../../src/context.ts";
import { oras, orasWords } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { run } from "../support/run.ts";

/** A terminal that keeps what was written. */
function terminal(columns: number): { readonly columns: number; text: string; write: (text: string) => void } {
  const self = {
    columns,
    text: "",
    write: (text: string): void => {
      self.text += text;
    },
  };
  return self;
}

describe("on a terminal", () => {
  test("a wait is told after a moment, the newest first, and goes away for other output", async () => {
    const screen = terminal(40);
    const progress = createTerminalProgress(screen);
    const end = progress.awaiting(`asking a.registry.with.a.long.name.example${"\u001b"}[2J`);
    await expect.poll(() => screen.text, { timeout: 5000 }).toMatch(/…/);
    expect(screen.text).not.toContain("\u001b[2J");
    for (const line of screen.text.split(/\r|\n/)) expect(line.replaceAll("\u001b[K", "").length).toBeLessThan(40);
    const endTry = progress.awaiting(() => "ghcr.io: try 2 of 5 in 8 s");
    await expect.poll(() => screen.text, { timeout: 5000 }).toContain("\rghcr.io: try 2 of 5 in 8 s\u001b[K");
    progress.clear();
    expect(screen.text.endsWith("\r\u001b[J")).toBe(true);
    endTry();
    end();
    progress.stop();
  });

  test("the line of a transfer has speed and time left where there is room", () => {
    const state = { label: "tool", doneBytes: 25_000_000, totalBytes: 100_000_000, bytesPerSecond: 10_000_000 };
    expect(formatLine(state, 80)).toMatch(/^tool +=+-+ 25% 25\.0 MB\/100 MB 10\.0 MB\/s 8 s$/);
    expect(formatLine(state, 60)).toMatch(/25% 25\.0 MB\/100 MB$/);
    expect([0.2, 98, 120, 7300].map(formatDuration)).toEqual(["1 s", "98 s", "2 min", "2 h"]);
    const longest = { label: "x".repeat(99), doneBytes: 999e9, totalBytes: 999e9, bytesPerSecond: 999e6 };
    for (let columns = 10; columns < 200; columns += 1) {
      expect(formatLine(longest, columns).length).toBeLessThan(columns);
      expect(formatLine({ ...longest, doneBytes: 0 }, columns).length).toBeLessThan(columns);
    }
  });

  test("a long name keeps its beginning and its end, and never more columns than there are", () => {
    expect(shorten("protoc-33.0-linux-x86_64.zip", 18)).toBe("proto…x-x86_64.zip");
    expect(shorten("asking registry.of.a.long.name.example …", 30)).toBe("asking re….long.name.example …");
    expect(shorten("protoc", 6)).toBe("protoc");
    for (let columns = 1; columns < 30; columns += 1) {
      for (const name of ["a name of some length, and more", "工具的名字很长很长很长很长很长很长"]) {
        expect(widthOf(shorten(name, columns))).toBeLessThanOrEqual(columns);
      }
    }
  });

  test("a terminal without cursor codes gets each wait as a line, once", async () => {
    const lines: string[] = [];
    const progress = createPlainTerminalProgress((line) => lines.push(line));
    const ends = [progress.awaiting("asking ghcr.io"), progress.awaiting("asking ghcr.io")];
    await expect.poll(() => lines, { timeout: 5000 }).toEqual(["asking ghcr.io …"]);
    for (const end of ends) end();
  });

  test("a registry that answers late is named; colours obey NO_COLOR, TERM=dumb and CI", async (context) => {
    const script = requireProgram(context, "script");
    const server = await startServer((_request, response) => {
      setTimeout(() => response.writeHead(404).end(), 2000);
    });
    const pull = async (env: Readonly<Record<string, string>>): Promise<string> => {
      const command = `${orasWords()} pull ${server.host}/t/tool:1`;
      return (await run(script, ["-qec", command, "/dev/null"], { env })).stdout;
    };
    const coloured = await pull({ TERM: "xterm" });
    expect(coloured).toContain(`asking ${server.host} …`);
    expect(coloured).toContain("\u001b[31merror[");
    const plain = await pull({ TERM: "xterm", NO_COLOR: "1" });
    expect(plain).toContain("\r");
    expect(plain).not.toContain("\u001b[31m");
    for (const env of [{ TERM: "dumb" }, { TERM: "xterm", CI: "true" }]) {
      const text = await pull(env);
      expect(text).toContain(`asking ${server.host} …`);
      expect(text).not.toContain("\u001b");
    }
  });
});

test("colours: never into a pipe", () => {
  const env = { TERM: "xterm", FORCE_COLOR: "1" };
  expect(paintFor({ isTTY: false }, env)("red", "x")).toBe("x");
  expect(paintFor({ isTTY: true }, { ...env, NO_COLOR: "" })("red", "x")).not.toBe("x");
});

describe("without a terminal", () => {
  test("one line for a finished transfer, and none for a failed one or for packing", () => {
    const lines: string[] = [];
    const progress = createTransferLines((line) => lines.push(line));
    const [whole, failed, packed] = [
      progress.start("tool", 10_300_000, "fetch"),
      progress.start("other", 100, "fetch"),
      progress.start("pack", 5, "pack"),
    ];
    whole?.resume(4_100_000);
    whole?.advance(6_200_000);
    failed?.advance(10);
    packed?.advance(5);
    for (const task of [whole, failed, packed]) task?.done();
    expect(lines).toEqual([expect.stringMatching(/^Fetched tool: 6\.2 MB in \d\.\d s, resumed at 4\.1 MB$/)]);
  });

  test("pull: a line for the transfer, and the second time that all came from the cache", async () => {
    const server = await startServer(serveTool("#!/bin/sh\n"));
    const env = { BUCK2_ORAS_CACHE_DIR: temporaryFolder() };
    const args = ["pull", `${server.host}/t/tool:1`];
    const first = await oras(args, { env });
    expect(first.stderr).toMatch(/^Fetched tool: 10 B in \d\.\d s$/m);
    expect(first.stderr).not.toContain("\u001b");
    expect((await oras(args, { env })).stderr).toContain("Fetched: nothing, all came from the cache");
    for (const option of ["--quiet", "--json"]) expect((await oras([...args, option], { env })).stderr).toBe("");
  });
});

describe("what a command cost", () => {
  test("bytes and resumed bytes of all fetches, and not of uploads", () => {
    const meter = createMeter(noProgress, false);
    expect(meter.cost()).toBeUndefined();
    const fetch = meter.start("a", 3000, "fetch");
    fetch.resume(1000);
    fetch.advance(2000);
    meter.start("b", 500, "send").advance(500);
    expect(meter.keptHint()).toBe("run the same command again to go on: the 3.0 kB that came are kept");
    fetch.done();
    expect(meter.keptHint()).toBeUndefined();
    expect(meter.cost()).toMatch(/^2\.0 kB in \d\.\d s, resumed at 1\.0 kB$/);
  });

  test("Ctrl-C: the error says what is kept, and it is", async () => {
    const content = "x".repeat(100_000);
    let begun = (): void => {};
    const server = await startServer(
      serveTool(content, (_request, response) => {
        response.writeHead(200, { "content-length": content.length });
        response.write(content.slice(0, 60_000));
        setTimeout(() => begun(), 500);
      }),
    );
    const cacheDir = temporaryFolder();
    const stopped = await oras(["pull", `${server.host}/t/tool:1`], {
      env: { BUCK2_ORAS_CACHE_DIR: cacheDir },
      onStart: (child) => {
        begun = () => void child.kill("SIGINT");
      },
    });
    expect(stopped.exitCode).toBe(130);
    expect(stopped.stderr).toContain("hint: run the same command again to go on: the 60.0 kB that came are kept");
    expect(readdirSync(join(cacheDir, "tmp")).length).toBeGreaterThan(0);
  });
});
