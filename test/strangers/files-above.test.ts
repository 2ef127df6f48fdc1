/** Another user of the machine who writes into a folder above the project: `/tmp`, a build machine's work folder. */

import { chmodSync, chownSync, copyFileSync, lchownSync, mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, inject, type TestContext, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { makePipe } from "../support/pipe.ts";
import { type Ran, run } from "../support/run.ts";

const user = 12_345;
const stranger = 23_456;

interface Shared {
  /** Anybody's to write into. */
  readonly above: string;
  /** The user's own, below it. */
  readonly work: string;
  /** Runs the executable as the user, there. */
  readonly call: (...args: string[]) => Promise<Ran>;
}

function shared(context: TestContext): Shared {
  const setpriv = requireProgram(context, "setpriv");
  if (process.getuid?.() !== 0) context.skip("only root can run programs as other users");
  const place = temporaryFolder();
  const executable = join(place, "buck2-oras.cjs");
  copyFileSync(inject("executable"), executable);
  const above = join(place, "shared");
  const work = join(above, "work");
  mkdirSync(work, { recursive: true });
  chmodSync(place, 0o755);
  chmodSync(above, 0o1777);
  chownSync(work, user, user);
  const as = ["--reuid", String(user), "--regid", String(user), "--clear-groups", process.execPath, executable];
  const env = { HOME: join(place, "home") };
  return { above, work, call: (...args) => run(setpriv, [...as, ...args], { cwd: work, env }) };
}

function give(path: string, owner: number): void {
  lchownSync(path, owner, owner);
}

test("a stranger's buck2-oras.json that cannot be read, or is none, ends no command: it is passed over with a warning", async (context) => {
  const { above, call } = shared(context);
  const file = join(above, "buck2-oras.json");
  const kinds: Readonly<Record<string, () => void>> = {
    unreadable: () => writeFileSync(file, "{}", { mode: 0o600 }),
    invalid: () => writeFileSync(file, '{"concurrency": "lots"'),
    large: () => writeFileSync(file, " ".repeat(2 * 1024 * 1024)),
    folder: () => mkdirSync(file, { mode: 0o700 }),
    pipe: () => makePipe(file, "600"),
    "link in a circle": () => symlinkSync("buck2-oras.json", file),
    "link to nothing": () => symlinkSync("nothing", file),
    "link to what is the user's": () => symlinkSync("/etc/shadow", file),
  };
  for (const [kind, make] of Object.entries(kinds)) {
    make();
    give(file, stranger);
    const ran = await call("platform");
    expect(ran.exitCode, `${kind}: ${ran.stderr}`).toBe(0);
    expect(ran.stderr, kind).toContain(`warning: ignored ${file}: it belongs to the user ${stranger}`);
    rmSync(file, { recursive: true });
  }
});

test("a stranger's .buckconfig or .buckroot above makes no project, and hides no file of the user's", async (context) => {
  const { above, work, call } = shared(context);
  writeFileSync(join(work, "buck2-oras.json"), '{"concurrency": 7}');
  give(join(work, "buck2-oras.json"), user);
  for (const marker of [".buckconfig", ".buckroot"]) {
    writeFileSync(join(above, marker), "");
    give(join(above, marker), stranger);
    expect((await call("config")).stdout, marker).toMatch(/^concurrency +7 /m);
    for (const owner of [user, 0]) {
      give(join(above, marker), owner);
      expect((await call("config")).stdout, marker).toMatch(/^concurrency +4 /m);
    }
    rmSync(join(above, marker));
  }
});

test("a file of the user's own that a stranger renamed in the stranger's folder decides nothing: no configuration, no project", async (context) => {
  const { above, work, call } = shared(context);
  give(above, stranger);
  chmodSync(above, 0o777);
  const file = join(above, "buck2-oras.json");
  writeFileSync(file, '{"concurrency": 9}');
  writeFileSync(join(work, "buck2-oras.json"), '{"concurrency": 7}');
  for (const owner of [user, 0]) {
    give(file, owner);
    for (const marker of [".buckconfig", ".buckroot"]) {
      writeFileSync(join(above, marker), "");
      give(join(above, marker), owner);
      expect((await call("config")).stdout, marker).toMatch(/^concurrency +7 /m);
      rmSync(join(above, marker));
    }
  }
  rmSync(join(work, "buck2-oras.json"));
  const ran = await call("config");
  expect(ran.stdout).toMatch(/^concurrency +4 /m);
  expect(ran.stderr).toContain(`warning: ignored ${file}: its folder belongs to the user ${stranger}, and neither to`);
  // The working folder itself is no other's word either.
  give(work, stranger);
  writeFileSync(join(work, "buck2-oras.json"), '{"concurrency": 7}');
  give(join(work, "buck2-oras.json"), user);
  expect((await call("config")).stdout).toMatch(/^concurrency +4 /m);
});

test("root's own file counts in the checkout of somebody else that a container works in, and in no folder above it", async (context) => {
  const { above, work } = shared(context);
  const call = (cwd: string, env = {}): Promise<Ran> => oras(["config"], { cwd, env });
  writeFileSync(join(work, "buck2-oras.json"), '{"concurrency": 7}');
  expect((await call(work)).stdout).toMatch(/^concurrency +7 /m);
  const deep = join(work, "deep");
  mkdirSync(deep);
  expect((await call(deep)).stdout).toMatch(/^concurrency +4 /m);
  expect((await call(deep, { SUDO_UID: String(user) })).stdout).toMatch(/^concurrency +7 /m);
  // Root's own folder, as `/tmp` is, may be anybody's to write into.
  rmSync(join(work, "buck2-oras.json"));
  writeFileSync(join(above, "buck2-oras.json"), '{"concurrency": 9}');
  expect((await call(deep)).stdout).toMatch(/^concurrency +9 /m);
});
