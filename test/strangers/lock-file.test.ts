/** `oras.lock.json` in a checkout: links, other files in its place, other users, names and line ends. */
import { execFileSync, spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";
import { add, leftovers, lockName, lockOf, toolsOf } from "../support/lock-of-project.ts";
import { findProgram, requireProgram } from "../support/peers.ts";
import { succeeding } from "../support/succeeding.ts";

describe("a lock that is a link", () => {
  test("is written through: link, mode and owner stay", async (context) => {
    if (process.getuid?.() !== 0) context.skip("only root can give a file away");
    const project = await layoutProject();
    mkdirSync(join(project.dir, "shared"));
    const target = join(project.dir, "shared", "real.json");
    await add(project, "a");
    renameSync(join(project.dir, lockName), target);
    chmodSync(target, 0o660);
    chownSync(target, 65534, 65534);
    symlinkSync("shared/real.json", join(project.dir, lockName));
    await Promise.all([
      add(project, "b"),
      succeeding(project.oras(["lock", "add", "c", "oci:layout:1.0", "--lock", "shared/real.json"])),
    ]);
    expect(lstatSync(join(project.dir, lockName)).isSymbolicLink()).toBe(true);
    expect(Object.keys(lockOf(project, "shared/real.json").tools)).toEqual(["a", "b", "c"]);
    expect(statSync(target)).toMatchObject({ uid: 65534, gid: 65534 });
    expect(statSync(target).mode & 0o777).toBe(0o660);
    expect(readdirSync(join(project.dir, "shared"))).toEqual(["real.json"]);
  });

  test.each<[string, (file: string) => void, RegExp]>([
    ["a link that leads nowhere", (file) => symlinkSync("nowhere.json", file), /is a broken link/],
    ["a link to itself", (file) => symlinkSync(lockName, file), /could not read/],
    ["a link to a folder", (file) => symlinkSync("layout", file), /is a folder, where a file/],
    ["a folder", (file) => mkdirSync(file), /is a folder, where a file/],
    ["a pipe", (file) => execFileSync(findProgram("mkfifo") ?? "", [file]), /is a named pipe, where a file/],
    ["a device", (file) => symlinkSync("/dev/zero", file), /is a device, where a file/],
  ])("%s: every command says so, and it stays", async (_, make, message) => {
    const project = await layoutProject();
    const file = join(project.dir, lockName);
    make(file);
    const { ino } = lstatSync(file);
    const ran = await project.oras(["lock", "add", "a", "oci:layout:1.0"]);
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(message);
    expect(ran.stderr).toContain("  hint: ");
    for (const command of ["update", "check"]) {
      expect([74, 78]).toContain((await project.oras(["lock", command])).exitCode);
    }
    expect(lstatSync(file).ino).toBe(ino);
    expect(leftovers(project)).toEqual([]);
  });

  test("to a file that is no lock: it keeps its text", async () => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, "start-file"), "export PATH\n");
    symlinkSync("start-file", join(project.dir, lockName));
    for (const args of [
      ["lock", "add", "a", "oci:layout:1.0"],
      ["lock", "update"],
    ]) {
      expect((await project.oras(args)).exitCode).toBe(78);
    }
    expect(readFileSync(join(project.dir, "start-file"), "utf8")).toBe("export PATH\n");
  });
});

describe("another user", () => {
  const asNobody = (setpriv: string, project: LayoutProject, args: readonly string[]) =>
    spawnSync(
      setpriv,
      ["--reuid=65534", "--regid=65534", "--clear-groups", process.execPath, inject("executable"), ...args],
      {
        cwd: project.dir,
        env: { PATH: process.env.PATH ?? "", HOME: project.dir, BUCK2_ORAS_CACHE_DIR: join(project.dir, "theirs") },
        encoding: "utf8",
      },
    );

  test("a file that is read-only is an error before anything is fetched; a claim of somebody else's one that names it", async (context) => {
    const setpriv = requireProgram(context, "setpriv");
    if (process.getuid?.() !== 0) context.skip("only root can become somebody else");
    const project = await layoutProject();
    chmodSync(join(inject("executable"), ".."), 0o755);
    chmodSync(project.dir, 0o1777);
    await add(project, "a");
    const before = readFileSync(join(project.dir, lockName), "utf8");
    const readOnly = asNobody(setpriv, project, ["lock", "add", "b", "oci:nowhere:1.0"]);
    expect(readOnly.status, readOnly.stderr).toBe(74);
    expect(readOnly.stderr).toMatch(
      /error\[PERMISSION_DENIED\]: oras\.lock\.json is read-only[\s\S]*hint: make the file writable/,
    );
    expect(readFileSync(join(project.dir, lockName), "utf8")).toBe(before);
    // Where a folder is sticky, nobody can take away what is another user's.
    writeFileSync(join(project.dir, ".own.json.lock"), "left");
    const busy = asNobody(setpriv, project, ["lock", "add", "b", "oci:layout:1.0", "--lock", "own.json"]);
    expect(busy.status, busy.stderr).toBe(75);
    expect(busy.stderr).toContain("error[LOCK_BUSY]");
    expect(readFileSync(join(project.dir, ".own.json.lock"), "utf8")).toBe("left");
  });
});

describe("names that objects have", () => {
  test.each(["constructor", "prototype", "__proto__"])(
    "lock add: %s is refused, since a lock cannot hold it",
    async (name) => {
      const project = await layoutProject();
      await add(project, "a");
      const before = readFileSync(join(project.dir, lockName), "utf8");
      const refused = await project.oras(["lock", "add", name, "oci:layout:1.0"]);
      expect(refused.exitCode).toBe(64);
      expect(refused.stderr).toContain(`"${name}" is not a valid name of a tool`);
      writeFileSync(join(project.dir, lockName), before.replace('"a"', `"${name}"`));
      for (const args of [["check"], ["update"], ["add", "b", "oci:layout:1.0"]]) {
        const ran = await project.oras(["lock", ...args]);
        expect(ran.exitCode).toBe(78);
        expect(ran.stderr).toContain(`the reserved name \`${name}\``);
      }
      expect(toolsOf(project)).toEqual([name]);
    },
  );

  test.each(["toString", "hasOwnProperty", "valueOf", "__defineGetter__"])(
    "%s is a tool like any other",
    async (name) => {
      const project = await layoutProject();
      expect((await project.oras(["lock", "add", "a", "oci:layout:1.0"])).exitCode).toBe(0);
      expect((await project.oras(["lock", "update", name])).stderr).toContain("choose a tool of the lock: a");
      const added = JSON.parse((await project.oras(["lock", "add", name, "oci:layout:1.0", "--json"])).stdout);
      expect(added.tools).toMatchObject([{ tool: name, change: "added", previousReference: null }]);
      expect((await project.oras(["lock", "update", name])).stdout).toContain("unchanged");
      expect((await project.oras(["lock", "check"])).stdout).toContain("2 tools");
    },
  );
});

describe("the form of the file", () => {
  test("line ends stay what they are, and a file that says the same is not touched", async () => {
    const project = await layoutProject();
    await add(project, "a");
    const file = join(project.dir, lockName);
    expect(statSync(file).mode & 0o777 & 0o133).toBe(0);
    writeFileSync(file, readFileSync(file, "utf8").replaceAll("\n", "\r\n"));
    const { ino } = statSync(file);
    await add(project, "a");
    await succeeding(project.oras(["lock", "update"]));
    expect(statSync(file).ino).toBe(ino);
    await add(project, "b");
    expect(readFileSync(file, "utf8").replaceAll("\r\n", "")).not.toContain("\n");
    expect((await project.oras(["lock", "check"])).exitCode).toBe(0);
  });
});
