/** What people type by habit, and what they read then. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import * as v from "valibot";
import { describe, expect, test } from "vitest";
import { createProgram } from "../../src/cli/program.ts";
import { jsonSchemas } from "../../src/cli/schemas.ts";
import { formatTable } from "../../src/cli/table.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { homeWithCheckout } from "../support/home.ts";
import { layoutProject } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";

describe("words", () => {
  test("the name alone prints the help; a script still sees a usage error", async () => {
    const ran = await oras([]);
    expect(ran).toMatchObject({ exitCode: 64, stderr: "" });
    expect(ran.stdout).toContain("Commands:");
    expect(ran.stdout).toContain("Examples:");
  });

  test("version, -V and --version are one thing", async () => {
    const expected = await oras(["--version"]);
    expect(expected.exitCode).toBe(0);
    for (const word of ["version", "-V"]) expect(await oras([word])).toEqual(expected);
  });

  test("inspect and ls are info and list, with their help", async () => {
    const project = await layoutProject();
    expect((await project.oras(["inspect", "oci:layout:1.0"])).stdout).toContain("Reference: oci:layout:1.0");
    expect((await project.oras(["ls", "oci:layout"])).stdout).toBe("1.0\n");
    for (const words of [["ls"], ["inspect"], ["lock", "rm"]]) {
      const help = await oras([...words, "--help"]);
      expect(help.exitCode, help.stderr).toBe(0);
    }
  });

  test("login -p: the password is taken, with a warning that does not show it", async () => {
    const ran = await oras(["login", "localhost:1", "-u", "alice", "-p", "hunter2"]);
    expect(ran.exitCode).toBe(69);
    expect(ran.stderr).toMatch(/^warning: .*--password-stdin$/m);
    expect(ran.stderr).not.toContain("hunter2");
  });
});

test("pull: an output folder is no path of the cache", async () => {
  const project = await layoutProject();
  mkdirSync(join(project.dir, "folder"));
  writeFileSync(join(project.dir, "folder", "file"), "x");
  await project.oras(["push", "oci:layout:2", "folder"]);
  const folder = await project.oras(["pull", "oci:layout:2", "-o", "out"]);
  expect(folder.stdout).toBe(`Artifact placed at: ${join(project.dir, "out")}\n`);
  const quiet = await project.oras(["pull", "oci:layout:2", "-o", "out", "-q"]);
  expect(quiet).toMatchObject({ stdout: `${join(project.dir, "out")}\n`, stderr: "" });
});

describe("help", () => {
  const silent = { write: () => true };
  const io = {
    stdout: { ...silent, columns: 80 },
    stderr: silent,
    stdin: process.stdin,
    terminal: process.stderr,
    paint: (_: unknown, text: string) => text,
    setExitCode: () => {},
    command: "buck2-oras",
    launcher: [],
    runProgram: () => Promise.reject(new Error("no program runs here")),
    withSession: () => Promise.reject(new Error("no command runs here")),
    withServices: () => Promise.reject(new Error("no command runs here")),
  };

  test("each command has its page, and required options are marked", async () => {
    const program = await createProgram(io, []);
    for (const command of program.commands.filter((one) => one.name() !== "help")) {
      let text = "";
      command.configureOutput({
        writeOut: (some) => {
          text += some;
        },
      });
      command.outputHelp();
      expect(text).toContain(`docs/cli.md#buck2-oras-${command.name()}`);
      for (const option of command.options.filter(({ mandatory }) => mandatory)) {
        expect(option.description).toContain("required");
      }
    }
  });

  test("pull: an example and the environment variables, wrapped between words", async () => {
    const { stdout } = await oras(["pull", "--help"]);
    expect(stdout).toMatch(/^Examples:\n {2}buck2-oras pull \S+ -o tools$/m);
    expect(stdout).toMatch(/^Environment: .*DOCKER_CONFIG.*HTTPS_PROXY/m);
  });
});

describe("tables in a terminal", () => {
  const digest = `sha256:${"0123456789abcdef".repeat(4)}`;

  test.each([120, 80, 75])("%i columns: a digest stays in one piece", (columns) => {
    const lines = formatTable({ rows: [["  linux-x86_64", "10.3 MB", digest]] }, columns);
    expect(lines.join("\n")).toContain(digest);
    for (const line of lines) expect(line.length).toBeLessThan(columns + (columns === 75 ? 1 : 0));
  });

  test("a list is wrapped below its column, and without a terminal it is one line", () => {
    const row = ["tool", "1.0", "darwin-arm64, darwin-x86_64, linux-aarch64, linux-x86_64, windows-x86_64"];
    expect(formatTable({ rows: [row] }, 60)).toEqual([
      "tool  1.0  darwin-arm64, darwin-x86_64, linux-aarch64,",
      "           linux-x86_64, windows-x86_64",
    ]);
    expect(formatTable({ rows: [row] })).toHaveLength(1);
  });
});

describe("cache", () => {
  test("path, counts, size and oldest use", async () => {
    const project = await layoutProject();
    await project.oras(["pull", "oci:layout:1.0", "--platform", "linux-x86_64"]);
    const shown = await project.oras(["cache"]);
    expect(shown.exitCode, shown.stderr).toBe(0);
    expect(shown.stdout).toMatch(new RegExp(`^Path +${project.cacheDir}\n`));
    expect(shown.stdout).toMatch(/^Files +\d+ files, .*B$/m);
    expect(shown.stdout).toMatch(/^Oldest use +\d{4}-\d{2}-\d{2}$/m);
    const json = JSON.parse((await project.oras(["cache", "--json"])).stdout);
    expect(v.parse(v.strictObject(jsonSchemas.cache.entries), json)).toMatchObject({ notes: { files: 1 } });
  });

  test("installed tools are shown beside the cache; `clear-cache` keeps them and says so", async () => {
    const project = await layoutProject();
    const env = { BUCK2_ORAS_TOOLS_DIR: join(project.dir, "tools") };
    expect((await project.oras(["clear-cache"], { env })).stderr).not.toContain("tool");
    await project.oras(["lock", "add", "tool", "oci:layout:1.0"]);
    const installed = await project.oras(["which", "tool"], { env });
    expect(installed.exitCode, installed.stderr).toBe(0);
    expect((await project.oras(["cache"], { env })).stdout).toContain(
      `1 tool of \`run\` and shims, outside the cache: ${env.BUCK2_ORAS_TOOLS_DIR}`,
    );
    const cleared = await project.oras(["clear-cache"], { env });
    expect(cleared.stderr).toContain(`Kept 1 tool that \`run\` and shims installed below ${env.BUCK2_ORAS_TOOLS_DIR}`);
    expect(existsSync(installed.stdout.trim())).toBe(true);
  });

  test("a cache that does not exist is empty, and a folder that is no cache is refused", async () => {
    const dir = temporaryFolder();
    const none = await oras(["cache", "--json", "--cache-dir", join(dir, "none")]);
    expect(JSON.parse(none.stdout)).toMatchObject({ blobs: { files: 0, bytes: 0 }, oldestUse: null });
    writeFileSync(join(dir, "other"), "");
    expect((await oras(["cache", "--cache-dir", dir])).exitCode).toBe(64);
  });
});

test("config: where it looked, and why a key is left out", async () => {
  const home = homeWithCheckout();
  const none = await home.oras(["config"]);
  expect(none.stderr).toContain(`looked for:\n  ${home.projectFile}, and in the folders above\n  ${home.userFile}`);
  home.project({ auditLog: "log" });
  expect((await home.oras(["config"])).stdout).toMatch(/^auditLog .*a project must not choose a file that is written/m);
});

describe("doctor", () => {
  test("rows, then each hint once, then a verdict", async () => {
    const project = await layoutProject();
    const healthy = await project.oras(["doctor", "oci:layout:1.0"]);
    expect(healthy.stdout).toMatch(/^configuration {2}ok .*\ncache +ok /);
    expect(healthy.stdout.trimEnd().split("\n").at(-1)).toBe(
      "No check failed: a pull of oci:layout:1.0 works from here",
    );
    const broken = await oras(["doctor", "reg.example/t/tool:1"], { env: { HTTPS_PROXY: "socks5://localhost" } });
    expect(broken.exitCode).toBe(78);
    const hints = broken.stdout.split("\n").filter((line) => line.startsWith("hint ("));
    expect(hints).toEqual([expect.stringMatching(/^hint \(proxy, dns.*\): write http:/)]);
    expect(broken.stdout).toMatch(
      /^\d of \d+ checks failed, proxy first: a pull of reg\.example\/t\/tool:1 would fail$/m,
    );
  });
});

describe("messages", () => {
  test.each([
    ["", /^error\[REFERENCE_INVALID\]: "" is not a reference: the text is empty; a variable/],
    [":", /the tag after the colon is missing/],
    ["localhost:5000/a:b:c", /"localhost:5000\/a:b:c" is not a reference: a tag has/],
  ])("pull %j: the whole text is named", async (reference, message) => {
    const ran = await oras(["pull", reference]);
    expect(ran.exitCode).toBe(64);
    expect(ran.stderr).toMatch(message);
  });

  test("ORAS_USER: a colon is refused before it becomes another login", async () => {
    const env = { ORAS_USER: "a:b", ORAS_PASS: "hunter2", BUCK2_ORAS_REGISTRY: "localhost:1" };
    const ran = await oras(["doctor", "t/tool:1", "--json"], { env });
    expect(ran.stdout + ran.stderr).not.toContain("hunter2");
    const server = await startServer((_request, response) => {
      response.writeHead(401, { "www-authenticate": "Basic realm=x" }).end();
    });
    const pulled = await oras(["pull", "t/tool:1"], { env: { ...env, BUCK2_ORAS_REGISTRY: server.host } });
    expect(pulled.exitCode).toBe(78);
    expect(pulled.stderr).toContain("authentication: ORAS_USER has a colon");
  });

  test("lock update: the tool whose tag is lost is named", async () => {
    const project = await layoutProject();
    await project.oras(["lock", "add", "kept", "oci:layout:1.0"]);
    await project.oras(["tag", "oci:layout:1.0", "2.0"]);
    await project.oras(["lock", "add", "lost", "oci:layout:2.0"]);
    const index = join(project.dir, "layout", "index.json");
    const { manifests, ...rest } = JSON.parse(readFileSync(index, "utf8"));
    const left = manifests.filter((one: { annotations: Record<string, string> }) =>
      Object.values(one.annotations).includes("1.0"),
    );
    writeFileSync(index, JSON.stringify({ ...rest, manifests: left }));
    const updated = await project.oras(["lock", "update"]);
    expect(updated.exitCode).toBe(66);
    expect(updated.stderr).toMatch(/^warning: lost: oci:layout:2\.0 failed, so all tools stay as locked$/m);
    expect(updated.stderr).not.toContain("kept");
  });
});
