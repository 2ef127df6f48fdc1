/** A neighbour who can write beside an output: he swaps the folder that an archive is unpacked into, and gets nothing of the user's. */
import { spawn } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { expect, inject, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { temporaryFolder } from "../support/folders.ts";
import { requireProgram } from "../support/peers.ts";
import { run } from "../support/run.ts";
import { neighbour, requireRoot } from "../support/shared-cache.ts";

const victim = 65_533;

/** Runs as the neighbour: puts a link to, or the victim's own folder in the place of the one that is being unpacked into. */
const hostile = `
const { readdirSync, renameSync, symlinkSync } = require("node:fs");
const { join } = require("node:path");
const [parent, precious, kind] = process.argv.slice(2);
const attempt = (work) => { try { work(); return true; } catch { return false; } };
for (;;) {
  let names = [];
  attempt(() => { names = readdirSync(parent).filter((name) => /^\\.out[0-9]*\\.unpacking/.test(name) && !name.endsWith(".away")); });
  for (const name of names) {
    const path = join(parent, name);
    if (!attempt(() => renameSync(path, path + ".away"))) continue;
    if (kind === "link") attempt(() => symlinkSync(precious, path));
    else attempt(() => renameSync(precious, path));
  }
}
`;

test.for(["link", "folder"] as const)(
  "a %s in the place of the folder that is unpacked into",
  async (kind, context) => {
    requireRoot(context);
    const setpriv = requireProgram(context, "setpriv");
    const place = temporaryFolder();
    chmodSync(place, 0o755);
    const [parent, mine] = [join(place, "shared"), join(place, "shared", "mine")];
    mkdirSync(mine, { recursive: true });
    writeFileSync(join(mine, "secret"), "a secret");
    chmodSync(parent, 0o777);
    chmodSync(mine, 0o700);
    chownSync(mine, victim, victim);
    const { ino } = statSync(mine);
    writeFileSync(join(place, "hostile.cjs"), hostile);
    copyFileSync(inject("executable"), join(place, "buck2-oras.cjs"));
    const entries = Array.from({ length: 1500 }, (_, number) => ({ name: `d/${number}`, body: "x" }));
    writeFileSync(join(place, "many.tar"), rawTar(...entries));
    for (const name of ["hostile.cjs", "buck2-oras.cjs", "many.tar"]) chmodSync(join(place, name), 0o644);
    const as = (user: number): string[] => [`--reuid=${user}`, `--regid=${user}`, "--clear-groups", process.execPath];
    const him = spawn(setpriv, [...as(neighbour), join(place, "hostile.cjs"), parent, mine, kind]);
    context.onTestFinished(() => void him.kill("SIGKILL"));
    const command = [join(place, "buck2-oras.cjs"), "extract", join(place, "many.tar"), "-o"];
    for (let turn = 0; turn < 6; turn += 1) {
      // Another output each time: he may have given the name of the last one to the user's own folder, which can be unpacked into.
      const output = join(parent, `out${turn}`);
      const ran = await run(setpriv, [...as(victim), ...command, output], { cwd: place, env: { HOME: place } });
      expect([0, 74], ran.stderr).toContain(ran.exitCode);
      expect(ran.stderr).not.toContain("/proc/self");
      // Wherever he put it, it is as it was; he stands still while it is looked for.
      him.kill("SIGSTOP");
      await delay(50);
      const isMine = (path: string): boolean => statSync(path, { throwIfNoEntry: false })?.ino === ino;
      const find = (): string | undefined =>
        readdirSync(parent)
          .map((name) => join(parent, name))
          .find((path) => !lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() && isMine(path));
      await expect.poll(find).toBeDefined();
      const where = find() ?? "";
      expect(readFileSync(join(where, "secret"), "utf8")).toBe("a secret");
      expect(statSync(where).mode & 0o777).toBe(0o700);
      expect(readdirSync(where)).toEqual(["secret"]);
      him.kill("SIGCONT");
    }
    expect(him.exitCode).toBeNull();
    // He was there in time, at least once.
    expect(readdirSync(parent).some((name) => name.endsWith(".away"))).toBe(true);
  },
);
