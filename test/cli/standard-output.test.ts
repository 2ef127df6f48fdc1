/** Standard output without Node's streams: pipes that are full, closed, or made non-blocking by another process. */
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test, vi } from "vitest";
import { StandardOutput } from "../../src/cli/output.ts";
import { oras, orasCommand, orasWords } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";

test("a reader that stops early ends the command without an error", async () => {
  const ran = await run("sh", ["-c", `{ ${orasWords()} --help; echo "exit $?" >&2; } | true`]);
  expect(ran).toMatchObject({ exitCode: 0, stderr: "exit 0\n" });
});

test("a verdict stays the exit code if nobody reads it", async () => {
  const line = `{ ${orasWords()} doctor 127.0.0.1:1/t/tool:1 --timeout 20; echo "exit $?" >&2; } | true`;
  const ran = await run("sh", ["-c", line]);
  expect(ran.stderr).toMatch(/exit 69\n$/);
});

test("a full disk is an error on standard output, and nothing on standard error", async () => {
  const output = await run("sh", ["-c", `${orasWords()} --help > /dev/full`]);
  expect(output.exitCode).toBe(74);
  expect(output.stderr).toContain("could not write to standard output");
  const errors = await run("sh", ["-c", `${orasWords()} no-such-command 2> /dev/full`]);
  expect(errors).toMatchObject({ exitCode: 64, stdout: "" });
});

/** Starts a program with a pipe that is full, empties the pipe later, and prints what the program wrote. */
const slowReader = (isBlocking: boolean): string => `
import os, subprocess, sys, time
reader, writer = os.pipe()
os.set_blocking(writer, False)
filled = 0
try:
    while True: filled += os.write(writer, b"x" * 100)
except BlockingIOError: pass
os.set_blocking(writer, ${isBlocking ? "True" : "False"})
child = subprocess.Popen(sys.argv[1:], stdout=writer)
os.close(writer)
time.sleep(1)
came = b""
while chunk := os.read(reader, 1000): came += chunk
sys.stdout.write(came[filled:].decode())
sys.exit(child.wait())
`;

describe("a slow reader gets everything", () => {
  test.for([true, false])("a pipe that blocks: %s", async (isBlocking, context) => {
    if (process.platform === "win32") context.skip("Windows has other pipes");
    const python = requireProgram(context, "python3");
    const { stdout: whole } = await oras(["--help"]);
    expect(whole).toContain("Usage: buck2-oras");
    const ran = await run(python, ["-c", slowReader(isBlocking), ...orasCommand(), "--help"]);
    expect(ran).toMatchObject({ exitCode: 0, stderr: "", stdout: whole });
  });
});

test("a file needs no stream of Node", () => {
  const refused = (): never => expect.unreachable("Node's stream was opened");
  const path = join(temporaryFolder(), "output");
  const fd = openSync(path, "w");
  const output = new StandardOutput(fd, refused, process.platform, refused);
  expect([output.isTTY, output.columns]).toEqual([false, undefined]);
  output.write("text\n");
  const done = vi.fn();
  output.whenWritten(done);
  expect(done).toHaveBeenCalledOnce();
  closeSync(fd);
  expect(readFileSync(path, "utf8")).toBe("text\n");
});
