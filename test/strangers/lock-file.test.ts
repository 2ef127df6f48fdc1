/** `oras.lock.json` and whoever else writes it: other processes, an editor, the author of the checkout. */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  chownSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, inject, test } from "vitest";
import { type LayoutProject, layoutProject } from "../support/layout-project.ts";
import { findProgram, requireProgram } from "../support/peers.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import { succeeding } from "../support/succeeding.ts";

const lockName = "oras.lock.json";
const claimName = `.${lockName}.lock`;

function lockOf(project: LayoutProject, name = lockName): { tools: Record<string, { reference: string }> } {
  return JSON.parse(readFileSync(join(project.dir, name), "utf8"));
}

function toolsOf(project: LayoutProject): string[] {
  return Object.keys(lockOf(project).tools).sort();
}

/** Names of what is left beside the lock that has its name in it. */
function leftovers(project: LayoutProject): string[] {
  return readdirSync(project.dir).filter((name) => name !== lockName && name.includes(lockName));
}

function add(project: LayoutProject, name: string, tag = "1.0"): Promise<unknown> {
  return succeeding(project.oras(["lock", "add", name, `oci:layout:${tag}`]));
}

/** A registry that answers when as many processes have asked for the manifest: all of them have read the lock by then. */
async function registryForAll(count: number): Promise<string> {
  const serve = serveTool("bytes");
  const waiting: (() => void)[] = [];
  const { host } = await startServer((request, response, server) => {
    const answer = (): void => serve(request, response, server);
    if (!request.url.includes("/manifests/")) return answer();
    if (waiting.push(answer) === count) for (const one of waiting) one();
  });
  return `${host}/t/tool:1`;
}

describe("writers at once", () => {
  test.each([5, 20])("lock add: %i at once are all in the file", { timeout: 180_000 }, async (count) => {
    const project = await layoutProject();
    const reference = await registryForAll(count);
    const names = Array.from({ length: count }, (_, index) => `tool-${index}`);
    await Promise.all(names.map((name) => succeeding(project.oras(["lock", "add", name, reference]))));
    expect(toolsOf(project)).toEqual(names.toSorted());
    expect(leftovers(project)).toEqual([]);
    expect((await project.oras(["lock", "check"])).exitCode).toBe(0);
  });

  test("lock add and lock update: what both changed is in the file", { timeout: 180_000 }, async () => {
    const project = await layoutProject();
    for (const name of ["a", "b"]) await add(project, name);
    await succeeding(project.oras(["push", "oci:layout:1.0", "linux-x86_64/tool"]));
    const names = ["c", "d", "e", "f"];
    const updates = [["a"], ["b"]].map((one) => succeeding(project.oras(["lock", "update", ...one])));
    await Promise.all([...updates, ...names.map((name) => add(project, name))]);
    expect(toolsOf(project)).toEqual(["a", "b", ...names]);
    for (const { platforms } of Object.values(lockOf(project).tools) as unknown as { platforms: object }[]) {
      expect(Object.keys(platforms)).toEqual(["any"]);
    }
  });
});

/** A registry that has the lock changed by somebody else while the tool's bytes are on their way. */
async function registryThat(change: () => void): Promise<string> {
  const { host } = await startServer(
    serveTool("bytes", (_, response) => {
      change();
      response.end("bytes");
    }),
  );
  return `${host}/t/tool:1`;
}

describe("the same tool, changed meanwhile", () => {
  test("what a killed writer staged is removed by the next one, and nothing else", async () => {
    const project = await layoutProject();
    await add(project, "one");
    const stem = `.${lockName}.${createHash("sha256").update(lockName).digest("hex").slice(0, 8)}.buck2-oras-`;
    writeFileSync(join(project.dir, `${stem}0123456789ab`), "half of a lo");
    // A date is made of hex digits, too.
    const others = [`${stem}0123456789abc`, `${stem}mine`, `.${lockName}.202611260712`, `.x${stem}0123456789ab`];
    for (const name of others) writeFileSync(join(project.dir, name), "");
    mkdirSync(join(project.dir, `${stem}ba9876543210`, "x"), { recursive: true });
    symlinkSync(lockName, join(project.dir, `${stem}ffffffffffff`));
    await add(project, "two");
    const kept = [...others, `${stem}ba9876543210`, `${stem}ffffffffffff`];
    expect(leftovers(project).toSorted()).toEqual(kept.toSorted());
    expect(toolsOf(project)).toEqual(["one", "two"]);
  });

  test("lock add: the last one wins, and says what it replaced", async () => {
    const project = await layoutProject();
    await add(project, "other");
    const file = join(project.dir, lockName);
    const reference = await registryThat(() => {
      writeFileSync(file, readFileSync(file, "utf8").replace('"other"', '"tool"'));
    });
    const added = await project.oras(["lock", "add", "tool", reference]);
    expect(added.exitCode, added.stderr).toBe(0);
    expect(added.stderr).toMatch(/warning: another process locked tool .* oci:layout:1\.0 was replaced/);
    expect(lockOf(project).tools).toMatchObject({ tool: { reference } });
    expect(toolsOf(project)).toEqual(["tool"]);
  });

  test("lock update: a tool that got another reference, or was removed, is left so", async () => {
    const project = await layoutProject();
    const file = join(project.dir, lockName);
    await add(project, "kept");
    const alone = readFileSync(file, "utf8");
    let change = (): void => {};
    const reference = await registryThat(() => change());
    await succeeding(project.oras(["lock", "add", "tool", reference]));
    rmSync(project.cacheDir, { recursive: true });
    change = () => writeFileSync(file, alone);
    const updated = await project.oras(["lock", "update", "tool"]);
    expect(updated.exitCode, updated.stderr).toBe(0);
    expect(updated.stderr).toContain("warning: another process changed tool");
    expect(readFileSync(file, "utf8")).toBe(alone);
  });
});

describe("a claim that somebody left", () => {
  test("by a process that was killed: it is taken away within seconds", async () => {
    const project = await layoutProject();
    writeFileSync(join(project.dir, claimName), "left");
    await Promise.all(["a", "b", "c"].map((name) => add(project, name)));
    expect(toolsOf(project)).toEqual(["a", "b", "c"]);
    expect(leftovers(project)).toEqual([]);
  });

  test("a folder or a link in its place: an error that names it, and neither is touched", async () => {
    const project = await layoutProject();
    const claim = join(project.dir, claimName);
    mkdirSync(claim);
    writeFileSync(join(claim, "theirs"), "");
    const ran = await project.oras(["lock", "add", "a", "oci:layout:1.0"]);
    expect(ran.exitCode).toBe(75);
    expect(ran.stderr).toMatch(/error\[LOCK_BUSY\][\s\S]*\.oras\.lock\.json\.lock[\s\S]*hint: make sure/);
    expect(readdirSync(claim)).toEqual(["theirs"]);
    rmSync(claim, { recursive: true });
    symlinkSync("linux-x86_64/tool", claim);
    expect((await project.oras(["lock", "add", "a", "oci:layout:1.0"])).exitCode).toBe(75);
    expect(lstatSync(claim).isSymbolicLink()).toBe(true);
  });
});

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
