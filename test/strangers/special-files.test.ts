/** What is no file in a file's place: an error at once that names it, where it is the user's to mend, and never a hang. */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import { describe, expect, inject, onTestFinished, test } from "vitest";
import { type Home, homeWithCheckout } from "../support/home.ts";
import { makePipe } from "../support/pipe.ts";
import { run } from "../support/run.ts";

type Make = (path: string) => Promise<void> | void;

/** What somebody may put in a file's place, with how messages call it. */
const unfit: readonly (readonly [string, Make])[] = [
  ["a named pipe", (path) => makePipe(path)],
  ["a device", (path) => symlinkSync("/dev/zero", path)],
  ["a folder", (path) => void mkdirSync(path)],
  [
    "a socket",
    async (path) => {
      const server = createServer();
      // The path of a socket has room for a hundred bytes.
      await new Promise<void>((resolve) => server.listen(path, resolve));
      onTestFinished(() => void server.close());
    },
  ],
  ["larger than", (path) => writeFileSync(path, " ".repeat(9 * 1024 * 1024))],
];

interface Place {
  readonly path: (home: Home) => string;
  readonly args: readonly string[];
}

const places: Readonly<Record<string, Place>> = {
  "the project's file": { path: ({ projectFile }) => projectFile, args: ["config"] },
  "the user's file": { path: ({ home }) => join(home, "xdg/buck2-oras/config.json"), args: ["config"] },
  "the docker configuration": {
    path: ({ home }) => join(home, ".docker/config.json"),
    args: ["logout", "localhost:1"],
  },
  "the file of --ca-file": { path: ({ home }) => join(home, "ca.pem"), args: ["config"] },
  SSL_CERT_FILE: { path: ({ home }) => join(home, "ca.pem"), args: ["list", "reg.invalid/t"] },
};

describe.each(Object.entries(places))("%s", (name, { path, args }) => {
  test.each(unfit)(`${name}: %s is exit 78 at once`, async (what, make) => {
    const place = homeWithCheckout();
    const file = path(place);
    mkdirSync(dirname(file), { recursive: true });
    await make(file);
    const env: Record<string, string> = {
      XDG_CONFIG_HOME: join(place.home, "xdg"),
      ...(name === "SSL_CERT_FILE" ? { SSL_CERT_FILE: file } : {}),
    };
    const given = name === "the file of --ca-file" ? [...args, "--ca-file", file] : args;
    const ran = await place.oras(given, { env });
    expect(ran.exitCode, ran.stderr).toBe(78);
    expect(ran.stderr).toContain("error[CONFIG_INVALID]");
    expect(ran.stderr).toContain(file);
    expect(ran.stderr).toContain(what);
  });
});

test("certs.d: a pipe among the certificates of a host is exit 78 at once", async () => {
  const place = homeWithCheckout();
  const folder = join(place.home, ".docker/certs.d/reg.invalid");
  mkdirSync(folder, { recursive: true });
  makePipe(join(folder, "ca.crt"));
  const ran = await place.oras(["list", "reg.invalid/t"]);
  expect(ran.exitCode, ran.stderr).toBe(78);
  expect(ran.stderr).toContain(`${join(folder, "ca.crt")} is a named pipe`);
});

describe("a file that the user names", () => {
  const commands: readonly (readonly string[])[] = [
    ["verify", "tool", `sha256:${"0".repeat(64)}`],
    ["push", "oci:layout:1", "tool"],
    ["import", "file:tool", "oci:layout:1"],
  ];

  test.each(unfit.slice(0, 2))("%s is exit 74 at once", async (what, make) => {
    for (const args of commands) {
      const place = homeWithCheckout();
      await make(join(place.checkout, "tool"));
      const ran = await place.oras(args);
      expect(ran.exitCode, `${args.join(" ")}: ${ran.stderr}`).toBe(74);
      expect(ran.stderr).toContain("error[LOCAL_IO]");
      expect(ran.stderr).toContain(`tool is ${what}`);
    }
  });
});

describe("the audit log", () => {
  test("a pipe that nobody reads, or nobody reads on, is exit 74 at once", async () => {
    const place = homeWithCheckout();
    const log = join(place.home, "log");
    makePipe(log);
    const layout = join(place.checkout, "layout");
    writeFileSync(join(place.checkout, "tool"), "#!/bin/sh\n");
    expect((await place.oras(["push", "oci:layout:1", "tool"])).exitCode).toBe(0);
    const ran = await place.oras(["list", `oci:${layout}`, "--audit-log", log]);
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toContain(`could not write ${log}`);
    // Opened for reading, and full.
    const reader = spawn("sh", [
      "-c",
      `exec 3<>"$0"; dd if=/dev/zero of="$0" oflag=nonblock bs=1 2>/dev/null; echo full; exec sleep 60`,
      log,
    ]);
    onTestFinished(() => void reader.kill());
    await new Promise((resolve) => reader.stdout.once("data", resolve));
    const full = await place.oras(["list", `oci:${layout}`, "--audit-log", log]);
    expect(full.exitCode, full.stderr).toBe(74);
  });

  test("a folder is exit 74; a pipe that is read, standard error and a user's link take the line", async () => {
    const place = homeWithCheckout();
    const list = (path: string) => place.oras(["list", "oci:nowhere", "--audit-log", path]);
    expect((await list(place.home)).stderr).toContain("no line in the audit log");
    // Node gives its children sockets; a shell and a container's runtime give them pipes.
    const command = `"${process.execPath}" "${inject("executable")}" list oci:nowhere --audit-log /dev/stderr 2>&1 | cat`;
    const piped = await run("sh", ["-c", command], { cwd: place.checkout });
    expect(piped.stdout).toMatch(/^\{"time":.*"operation":"list"/m);
    symlinkSync(join(place.home, "real.jsonl"), join(place.home, "link.jsonl"));
    await list(join(place.home, "link.jsonl"));
    expect(readFileSync(join(place.home, "real.jsonl"), "utf8")).toContain('"operation":"list"');

    const log = join(place.home, "log");
    makePipe(log);
    const reader = spawn("cat", [log]);
    onTestFinished(() => void reader.kill());
    let heard = "";
    reader.stdout.on("data", (text: Buffer) => {
      heard += text.toString();
    });
    const closed = new Promise((resolve) => reader.once("close", resolve));
    // Until somebody reads it: `cat` may not have opened it yet.
    await expect.poll(async () => (await list(log)).stderr, { timeout: 60_000 }).not.toContain("no line");
    await closed;
    expect(heard).toContain('"operation":"list"');
    expect(existsSync(log)).toBe(true);
  });
});
