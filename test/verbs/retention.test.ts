/** What the configuration says of the cache's size and age, against what a command is at work with. */
import { existsSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveFolder } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";

const files = { one: "1".repeat(1000), two: "2".repeat(1000), three: "3".repeat(1000) };

interface Project {
  readonly dir: string;
  readonly reference: string;
  readonly call: (...args: string[]) => Promise<Ran>;
  /** Requests of whole blobs: `lock add` also asks for a first byte without a login. */
  readonly fetched: () => number;
  readonly isCached: (content: string) => boolean;
}

async function projectWith(retention: object, served: Readonly<Record<string, string>> = files): Promise<Project> {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ cacheDir: "cache", retention }));
  const { host, seen } = await startServer(serveFolder(served));
  return {
    dir,
    reference: `${host}/t/tool:1`,
    call: (...args) => oras([...args, "--verbose"], { cwd: dir }),
    fetched: () => seen.filter(({ url, headers }) => url.includes("/blobs/") && headers.range === undefined).length,
    isCached: (content) => {
      const hex = sha256(content).slice("sha256:".length);
      return existsSync(join(dir, "cache", "oras", hex.slice(0, 2), hex));
    },
  };
}

/** Smaller, and younger, than what the command is at work with. */
const tooLittle = [
  ["a size", { maxSize: "1500" }],
  ["an age", { olderThanDays: 1e-9 }],
] as const;

test.each(tooLittle)("pull: %s smaller than the artifact does not remove what the pull needs", async (_, retention) => {
  const project = await projectWith(retention);
  const ran = await project.call("pull", project.reference, "-o", "out");
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toContain("retention: removed 0 files");
  expect(ran.stderr).not.toContain("warning");
  for (const [name, content] of Object.entries(files)) {
    expect(readFileSync(join(project.dir, "out", name), "utf8")).toBe(content);
  }
  expect(project.fetched()).toBe(3);
});

test.each(tooLittle)("lock add: %s smaller than the artifact", async (_, retention) => {
  const project = await projectWith(retention);
  const ran = await project.call("lock", "add", "tool", project.reference);
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(project.fetched()).toBe(3);
});

test.each(tooLittle)(
  "pull without a folder: the path that it prints is there, whatever %s says",
  async (_, retention) => {
    const project = await projectWith(retention, { one: files.one.repeat(2) });
    const ran = await project.call("pull", project.reference, "--json");
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(existsSync(JSON.parse(ran.stdout).path)).toBe(true);
  },
);

test("the day after, what the command did not use goes when it ends, and what it used stays", async () => {
  const project = await projectWith({ maxSize: "1500" });
  expect((await project.call("pull", project.reference, "-o", "out")).exitCode).toBe(0);
  const anHourAgo = Date.now() / 1000 - 3600;
  for (const content of Object.values(files)) {
    const hex = sha256(content).slice("sha256:".length);
    utimesSync(join(project.dir, "cache", "oras", hex.slice(0, 2), hex), anHourAgo, anHourAgo);
  }
  const yesterday = anHourAgo - 24 * 3600;
  utimesSync(join(project.dir, "cache", "cleared"), yesterday, yesterday);
  const { host } = await startServer(serveFolder({ next: "n".repeat(2000) }));
  const ran = await project.call("pull", `${host}/t/next:1`, "-o", "out");
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toMatch(/retention: removed [1-9]/);
  expect(project.isCached("n".repeat(2000))).toBe(true);
  for (const content of Object.values(files)) expect(project.isCached(content)).toBe(false);
});
