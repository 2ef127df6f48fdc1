/** What a run of the tests leaves behind when it is killed: nothing. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "./support/folders.ts";
import { processesOf } from "./support/keeper.mjs";
import { run } from "./support/run.ts";

const keeper = join(import.meta.dirname, "support", "keeper.mjs");

/** A run in small: it starts the keeper, and a server in a session of its own, and says so. */
const program = `
import { spawn } from "node:child_process";
import { once } from "node:events";
const [keeper, folder] = process.argv.slice(2);
spawn(process.execPath, [keeper, folder], { stdio: ["pipe", "ignore", "ignore"], detached: true });
const env = { ...process.env, TMPDIR: folder };
const script = "require('http').createServer().listen(0, '127.0.0.1', () => console.log('up'))";
const server = spawn(process.execPath, ["-e", script], { env, stdio: ["ignore", "pipe", "ignore"], detached: true });
await once(server.stdout, "data");
console.log("running");
setInterval(() => {}, 1000);
`;

test.runIf(process.platform === "linux")(
  "a run that is killed: its processes end, its folder is removed",
  async (context) => {
    const dir = temporaryFolder();
    const folder = mkdtempSync(join(dir, "run-"));
    writeFileSync(join(folder, "file"), "x");
    writeFileSync(join(dir, "run.mjs"), program);
    const args = [join(dir, "run.mjs"), keeper, folder];
    const running = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
    context.onTestFinished(() => void running.kill("SIGKILL"));
    await once(running.stdout, "data");
    expect(processesOf(folder)).toHaveLength(1);
    running.kill("SIGKILL");
    await expect.poll(() => processesOf(folder)).toEqual([]);
    await expect.poll(() => existsSync(folder)).toBe(false);
  },
);

test("a program has a home of its own, without anything of the developer's, and leaves none", async () => {
  const script = "process.stdout.write(JSON.stringify(process.env))";
  const environments = [];
  for (let round = 0; round < 2; round += 1) {
    const { stdout } = await run(process.execPath, ["-e", script]);
    environments.push(JSON.parse(stdout));
  }
  const [first, second] = environments;
  expect(Object.keys(first).sort()).toEqual(["HOME", "PATH", "TMPDIR"]);
  expect(first.HOME).not.toBe(second.HOME);
  expect(existsSync(first.HOME)).toBe(false);
});

test("the keeper is told its folder, and ends nothing without one", async () => {
  const ran = await run(process.execPath, [keeper]);
  expect(ran.exitCode).not.toBe(0);
});
