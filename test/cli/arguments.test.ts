/** The command line up to where a command starts: in-process, with what a session would be given. */
import { describe, expect, test } from "vitest";
import { plainPaint } from "../../src/cli/colour.ts";
import type { CliIo, Verbosity } from "../../src/cli/io.ts";
import { runCli } from "../../src/cli/program.ts";
import type { SettingsOverrides } from "../../src/config/settings.ts";
import { OrasClientError } from "../../src/errors.ts";

interface Started {
  readonly overrides: SettingsOverrides;
  readonly verbosity: Verbosity;
}

class SessionStarted extends Error {}

/** Runs a command line until it would begin its work. */
async function start(argv: readonly string[]): Promise<Started> {
  let started: Started | undefined;
  const io: CliIo = {
    stdout: { write: () => {} },
    stderr: { write: () => {} },
    stdin: process.stdin,
    terminal: process.stderr,
    paint: plainPaint,
    setExitCode: () => {},
    command: "buck2-oras",
    launcher: [],
    runProgram: () => Promise.reject(new Error("no program runs here")),
    withSession: (overrides, verbosity) => {
      started = { overrides, verbosity };
      return Promise.reject(new SessionStarted());
    },
    withServices: (overrides, verbosity) => {
      started = { overrides, verbosity };
      return Promise.reject(new SessionStarted());
    },
  };
  await runCli(argv, io).catch((error: unknown) => {
    if (!(error instanceof SessionStarted)) throw error;
  });
  if (started === undefined) throw new Error(`${argv.join(" ")} started nothing`);
  return started;
}

async function refusalOf(argv: readonly string[]): Promise<OrasClientError> {
  try {
    await start(argv);
  } catch (error) {
    if (error instanceof OrasClientError) return error;
    throw error;
  }
  throw new Error(`${argv.join(" ")} was accepted`);
}

describe("a global option counts before and after the command", () => {
  const nothing = {
    overrides: {
      registry: undefined,
      cacheDir: undefined,
      timeoutSeconds: undefined,
      showsLeftOut: false,
      plainHttp: undefined,
      caFile: undefined,
      offline: undefined,
      auditLog: undefined,
    },
    verbosity: { isVerbose: false, isQuiet: false, showsProgress: true },
  };
  const table: readonly (readonly [
    readonly string[],
    { overrides?: SettingsOverrides; verbosity?: Partial<Verbosity> },
  ])[] = [
    [["--registry", "reg.example"], { overrides: { registry: "reg.example" } }],
    [["--cache-dir", "dir"], { overrides: { cacheDir: "dir" } }],
    [["--verbose"], { verbosity: { isVerbose: true } }],
    [["-v"], { verbosity: { isVerbose: true } }],
    [["-q"], { verbosity: { isQuiet: true, showsProgress: false } }],
    [["--quiet"], { verbosity: { isQuiet: true, showsProgress: false } }],
    [["--json"], { verbosity: { showsProgress: false } }],
    [["--no-progress"], { verbosity: { showsProgress: false } }],
    [["--offline"], { overrides: { offline: true } }],
    [["--plain-http"], { overrides: { plainHttp: true } }],
    [["--ca-file", "ca.pem"], { overrides: { caFile: "ca.pem" } }],
    [["--audit-log", "log"], { overrides: { auditLog: "log" } }],
    [["--timeout", "5"], { overrides: { timeoutSeconds: 5 } }],
  ];
  test.each(table)("%j", async (option, changes) => {
    const expected = {
      overrides: { ...nothing.overrides, ...changes.overrides },
      verbosity: { ...nothing.verbosity, ...changes.verbosity },
    };
    expect(expected).not.toEqual(nothing);
    for (const command of [["list", "localhost/a"], ["platform"], ["lock", "check"]]) {
      expect(await start(command)).toEqual(nothing);
      expect(await start([...option, ...command])).toEqual(expected);
      expect(await start([...command, ...option])).toEqual(expected);
      const [first = "", ...rest] = command;
      expect(await start([first, ...option, ...rest])).toEqual(expected);
    }
  });

  test("the one nearest to the command wins; completion takes them, too", async () => {
    const { overrides } = await start(["--timeout", "5", "list", "--timeout", "7", "localhost/a"]);
    expect(overrides.timeoutSeconds).toBe(7);
    expect(await refusalOf(["completion", "tcsh", "--json", "--quiet"])).toMatchObject({
      message: expect.stringContaining('"tcsh"'),
    });
  });
});

describe("a usage error", () => {
  test.each<[readonly string[], string, RegExp]>([
    [["pull"], "missing required argument 'ref'", /`buck2-oras pull --help`/],
    [
      ["pull", "localhost/a:1", "--plattform", "x"],
      "unknown option '--plattform'",
      /--platform.*`buck2-oras pull --help`/,
    ],
    [["lock", "add", "x"], "missing required argument 'ref'", /`buck2-oras lock add --help`/],
    [
      ["lock"],
      "buck2-oras lock needs a subcommand: add, update, check, list, remove, export",
      /`buck2-oras lock --help`/,
    ],
    [["lock", "chek"], "unknown command 'chek'", /check.*`buck2-oras lock --help`/],
    [
      ["completion"],
      "missing required argument 'shell'",
      /^add `bash` or `zsh` or `fish` or `powershell`\. .*`buck2-oras completion --help`/,
    ],
    [
      ["lock", "export"],
      "required option '--format <format>' not specified",
      /^add `--format dotslash` or `--format mise`\. .*`buck2-oras lock export --help`/,
    ],
    [["pul"], "unknown command 'pul'", /pull.*`buck2-oras --help`/],
    [["install", "x"], "unknown command 'install'", /^write `pull REF -o DIR`.*`buck2-oras --help`/],
    [["rm", "x"], "unknown command 'rm'", /^write `lock remove NAME`.*`buck2-oras --help`/],
    [["--json"], "no command was given", /list the commands with `buck2-oras --help`/],
    [
      ["--timeout", "0", "list", "localhost/a"],
      "option '--timeout <seconds>' argument '0' is invalid. Expected a number of seconds above 0.",
      /`buck2-oras --help`/,
    ],
  ])("%j names the help of the command that fails", async (argv, message, hint) => {
    expect(await refusalOf(argv)).toMatchObject({ code: "USAGE_INVALID", exitCode: 64, message });
    expect((await refusalOf(argv)).hint).toMatch(hint);
  });

  test.each<[readonly string[], string, string, RegExp]>([
    [["pull", "localhost/a:1", "--digest", "md5:1"], "DIGEST_INVALID", '"md5:1" is not a digest', /64 lower-case hex/],
    [
      ["info", "localhost/a:1", "--platform", "amiga"],
      "PLATFORM_UNKNOWN",
      'unknown platform "amiga"',
      /^choose one of linux-x86_64/,
    ],
  ])("%j keeps the code and the words of what parses it", async (argv, code, message, hint) => {
    expect(await refusalOf(argv)).toMatchObject({ code, message, hint: expect.stringMatching(hint) });
  });

  test.each([
    ["--cache-dir", ["list", "localhost/a", "--cache-dir", ""]],
    ["--cache-dir", ["--cache-dir", "", "clear-cache"]],
    ["--ca-file", ["list", "localhost/a", "--ca-file", ""]],
    ["--audit-log", ["list", "localhost/a", "--audit-log", ""]],
    ["--output", ["pull", "localhost/a:1", "-o", ""]],
    ["--output", ["blob", "localhost/a@sha256:1", "--size", "1", "--output", ""]],
    ["--output", ["extract", "a.zip", "-o", ""]],
    ["--lock", ["lock", "check", "--lock", ""]],
    ["--lock", ["copy", "oci:x", "--lock", ""]],
    ["--lock", ["prune", "oci:x", "--lock", ""]],
  ] as const)("an empty %s is refused: %j", async (option, argv) => {
    expect(await refusalOf(argv)).toMatchObject({ exitCode: 64, message: expect.stringContaining(option) });
  });
});
