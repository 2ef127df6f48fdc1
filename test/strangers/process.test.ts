/** Other processes of the machine: a full disk under the output, a folder that goes away, a signal, and strangers in `/tmp`. */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { rawTar } from "../archive/raw-tar.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { layoutProject, sha256 } from "../support/layout-project.ts";
import { ordinaryUser, otherUsers } from "../support/other-users.ts";
import type { Skippable } from "../support/peers.ts";
import { type Ran, run } from "../support/run.ts";

/** Runs the executable with its output in `file`. */
function redirected(args: readonly string[], sign: ">" | "2>", file: string, cwd: string): Promise<Ran> {
  const command = `exec "$0" "$@" ${sign} "$FILE"`;
  return run("/bin/sh", ["-c", command, process.execPath, inject("executable"), ...args], { cwd, env: { FILE: file } });
}

function requireFullDevice(context: Skippable): string {
  return existsSync("/dev/full") ? "/dev/full" : context.skip("there is no /dev/full");
}

describe("a full disk", () => {
  test("under stdout is an error on stderr, however little was to be said", async (context) => {
    const full = requireFullDevice(context);
    const { dir } = await layoutProject();
    for (const args of [
      ["--version"],
      ["pull", "--help"],
      ["config"],
      ["platform", "--json"],
      ["completion", "bash"],
      ["list", "oci:layout"],
      ["info", "oci:layout:1.0", "--json"],
    ]) {
      const ran = await redirected(args, ">", full, dir);
      expect(ran, args.join(" ")).toMatchObject({ exitCode: 74, stdout: "" });
      expect(ran.stderr).toMatch(/error\[DISK_FULL\]: could not write to standard output[\s\S]*no space[\s\S]*hint: /);
    }
    // An error that was to be an object there is said on stderr, with its own exit code.
    const failed = await redirected(["list", "oci:nothing", "--json"], ">", full, dir);
    expect(failed.exitCode).toBe((await oras(["list", "oci:nothing"], { cwd: dir })).exitCode);
    expect(failed.stderr).toMatch(/^error\[/);
  });

  test("that takes a part of the output is one, too", async (context) => {
    const disk = temporaryFolder();
    if (spawnSync("mount", ["-t", "tmpfs", "-o", "size=4k", "tmpfs", disk]).status !== 0)
      context.skip("a tmpfs cannot be mounted here");
    onTestFinished(() => void spawnSync("umount", [disk]));
    const { dir } = await layoutProject();
    const path = join(dir, "layout/index.json");
    const index = JSON.parse(readFileSync(path, "utf8"));
    const names = Array.from({ length: 500 }, (_, number) => `${"long-".repeat(10)}${number}`);
    index.manifests = names.map((name) => ({
      ...index.manifests[0],
      annotations: { "org.opencontainers.image.ref.name": name },
    }));
    writeFileSync(path, JSON.stringify(index));
    const ran = await redirected(["list", "oci:layout"], ">", join(disk, "tags"), dir);
    expect(ran.exitCode).toBe(74);
    expect(ran.stderr).toMatch(/DISK_FULL/);
  });

  test("under stderr changes nothing else", async (context) => {
    const full = requireFullDevice(context);
    const { dir } = await layoutProject();
    const good = await redirected(["pull", "oci:layout:1.0", "-v", "--cache-dir", "cache"], "2>", full, dir);
    expect(good).toMatchObject({ exitCode: 0 });
    expect(good.stdout).toMatch(/^Artifact cached at: /);
    expect(await redirected(["pull", "oci:layout:9"], "2>", full, dir)).toMatchObject({ exitCode: 66, stdout: "" });
  });
});

test("a working folder that is gone: said as what it is, and no concern of --version and --help", async () => {
  const dir = temporaryFolder();
  const inGone = (args: readonly string[]): Promise<Ran> => {
    const gone = join(dir, "gone");
    mkdirSync(gone);
    const command = 'rmdir "$PWD"; exec "$0" "$@"';
    return run("/bin/sh", ["-c", command, process.execPath, inject("executable"), ...args], { cwd: gone });
  };
  for (const args of [["platform"], ["pull", "oci:layout:1"], ["config"], ["lock", "check"]]) {
    const ran = await inGone(args);
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toMatch(
      /error\[LOCAL_IO\]: the working folder is gone[\s\S]*hint: change to an existing folder/,
    );
  }
  for (const args of [["--version"], ["--help"], ["pull", "--help"]]) {
    expect(await inGone(args), args.join(" ")).toMatchObject({ exitCode: 0, stderr: "" });
  }
});

const emptyConfig = sha256("{}").slice("sha256:".length);

interface HangingPush {
  /** Names in the folder for temporary files once the upload has begun. */
  readonly during: readonly string[];
  readonly ran: Ran;
}

/** Pushes to a registry that takes no upload to its end, and sends `signals` once it has begun. */
async function pushUntil(signals: readonly NodeJS.Signals[], tmp: string): Promise<HangingPush> {
  let child: import("node:child_process").ChildProcess | undefined;
  let during: readonly string[] = [];
  const server = createServer((request, response) => {
    request.resume();
    if (request.method === "HEAD") return void response.writeHead(404).end();
    if (request.method === "POST") return void response.writeHead(202, { location: "/v2/t/x/blobs/uploads/1" }).end();
    // The configuration, two bytes, comes before there is anything to pack.
    if (request.url?.includes(emptyConfig)) return void response.writeHead(201).end();
    if (during.length > 0) return;
    during = readdirSync(tmp);
    for (const signal of signals) child?.kill(signal);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "tool\n".repeat(1000));
  const { port } = server.address() as AddressInfo;
  const ran = await oras(["push", `127.0.0.1:${port}/t/x:1`, "tool"], {
    cwd: dir,
    env: { TMPDIR: tmp },
    onStart: (started) => {
      child = started;
    },
  });
  return { during, ran };
}

/** A push that ends well, so that its own folder is gone afterwards. */
async function pushWell(tmp: string): Promise<void> {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), "tool");
  const ran = await oras(["push", "oci:layout:1", "tool"], { cwd: dir, env: { TMPDIR: tmp } });
  expect(ran.exitCode, ran.stderr).toBe(0);
}

describe("temporary folders", () => {
  test.each([
    [["SIGHUP"], 129],
    [["SIGHUP", "SIGHUP"], 129],
    [["SIGTERM"], 143],
    [["SIGINT"], 130],
  ] as const)("%j in mid-push leaves none, exit %i", async (signals, exitCode) => {
    const tmp = temporaryFolder();
    const { during, ran } = await pushUntil(signals, tmp);
    expect(during).toEqual([expect.stringMatching(/^buck2-oras-push-/)]);
    expect(ran).toMatchObject({ exitCode, signal: null });
    expect(readdirSync(tmp)).toEqual([]);
  });

  test("what kill -9 of a push leaves is removed by the next one", async () => {
    const tmp = temporaryFolder();
    const { during } = await pushUntil(["SIGKILL"], tmp);
    expect(during).toHaveLength(1);
    expect(readdirSync(tmp)).toEqual(during);
    await pushWell(tmp);
    expect(readdirSync(tmp)).toEqual([]);
  });

  test("what kill -9 of an unpacking leaves beside its output is removed by the next one", async () => {
    const dir = temporaryFolder();
    const entries = Array.from({ length: 20_000 }, (_, number) => ({ name: `d/${number}`, body: "x" }));
    writeFileSync(join(dir, "many.tar"), rawTar(...entries));
    const unpacking = (): string[] => readdirSync(dir).filter((name) => name.includes("unpacking"));
    const ran = await oras(["extract", "many.tar", "-o", "out"], {
      cwd: dir,
      onStart: (child) => {
        const look = setInterval(() => {
          if (unpacking().length === 0) return;
          clearInterval(look);
          child.kill("SIGKILL");
        }, 1);
        child.once("exit", () => clearInterval(look));
      },
    });
    expect(ran.signal, ran.stderr).toBe("SIGKILL");
    expect(unpacking()).toEqual([expect.stringMatching(/^\.out\.unpacking-/)]);
    writeFileSync(join(dir, "one.tar"), rawTar({ name: "tool", body: "x" }));
    // Of another output; it may belong to somebody who is at work.
    expect((await oras(["extract", "one.tar", "-o", "other"], { cwd: dir })).exitCode).toBe(0);
    expect(unpacking()).toHaveLength(1);
    expect((await oras(["extract", "one.tar", "-o", "out"], { cwd: dir })).exitCode).toBe(0);
    expect(unpacking()).toEqual([]);
  });

  test("what was unpacked stays, though its folder was a temporary one before", async () => {
    const dir = temporaryFolder();
    writeFileSync(join(dir, "one.tar"), rawTar({ name: "a/tool", body: "x" }));
    expect((await oras(["extract", "one.tar", "-o", "out"], { cwd: dir })).exitCode).toBe(0);
    expect(readFileSync(join(dir, "out/a/tool"), "utf8")).toBe("x");
    expect(readdirSync(dir).toSorted()).toEqual(["one.tar", "out"]);
  });

  test("nothing else is removed, whoever gives it a name of ours", async () => {
    const tmp = temporaryFolder();
    const { during } = await pushUntil(["SIGKILL"], tmp);
    expect(during).toHaveLength(1);
    const [killed = ""] = during;
    const precious = temporaryFolder();
    writeFileSync(join(precious, "file"), "text");
    const named = (letter: string): string => join(tmp, killed.replace(/.{6}$/, letter.repeat(6)));
    symlinkSync(precious, named("a"));
    writeFileSync(named("b"), "a file");
    const folder = (path: string, mode = 0o700): string => {
      mkdirSync(path);
      writeFileSync(join(path, "file"), "text");
      chmodSync(path, mode);
      return path;
    };
    folder(named("c"), 0o777);
    folder(join(tmp, "buck2-oras-test-abcdef"));
    folder(join(tmp, "buck2-oras-push-abcdef"));
    folder(join(tmp, `${killed}-more`));
    folder(named("d").replace(/-[0-9]+-d/, `-${process.pid}-d`));
    // Of another machine that shares the folder: nobody here knows whether its process is alive.
    folder(named("e").replace(/push-[0-9a-f]{12}/, "push-0123456789ab"));
    const long = folder(named("f").replace(/push-[0-9a-f]{12}/, "push-0123456789ab"));
    utimesSync(long, new Date(), new Date(Date.now() - 3 * 24 * 3600 * 1000));
    if (process.geteuid?.() === 0) chownSync(folder(named("g")), 12_345, 12_345);
    const before = readdirSync(tmp);
    await pushWell(tmp);
    const gone = before.filter((name) => !readdirSync(tmp).includes(name));
    expect(gone.toSorted()).toEqual([killed, long.slice(tmp.length + 1)].toSorted());
    expect(readFileSync(join(precious, "file"), "utf8")).toBe("text");
  });

  test("where others could swap a folder for a link nothing is removed", async () => {
    const tmp = temporaryFolder();
    const { during } = await pushUntil(["SIGKILL"], tmp);
    expect(during).toHaveLength(1);
    chmodSync(tmp, 0o777);
    await pushWell(tmp);
    expect(readdirSync(tmp)).toEqual(during);
    // As /tmp is.
    chmodSync(tmp, 0o1777);
    await pushWell(tmp);
    expect(readdirSync(tmp)).toEqual([]);
  });
});

test("a folder for temporary files that may not be read, as some machines have it", async (context) => {
  const users = otherUsers(context);
  const tmp = join(users.place, "tmp");
  mkdirSync(tmp);
  chmodSync(tmp, 0o1733);
  writeFileSync(join(users.place, "tool"), "tool\n");
  const ran = await users.oras(ordinaryUser, ["push", "oci:layout:1", "tool"], { env: { TMPDIR: tmp } });
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(readdirSync(tmp)).toEqual([]);
});
