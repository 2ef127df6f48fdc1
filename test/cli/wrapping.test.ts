/** Wrapping at the width of a terminal, and nowhere else. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { code, layOut } from "../../src/cli/layout.ts";
import { formatError } from "../../src/cli/report.ts";
import { formatTable } from "../../src/cli/table.ts";
import { wrapLast, wrapLine } from "../../src/cli/wrap.ts";
import { UsageError } from "../../src/errors.ts";
import { orasWords } from "../support/executable.ts";
import { layoutProject } from "../support/layout-project.ts";
import { requireProgram } from "../support/peers.ts";
import { seed } from "../support/property.ts";
import { run } from "../support/run.ts";

const digest = `sha256:${"0123456789abcdef".repeat(4)}`;
const error = new UsageError("USAGE_INVALID", "the words of this message take more than one line of a terminal", {
  hint: "write `buck2-oras copy SOURCE DESTINATION` or `buck2-oras copy --lock FILE DESTINATION`",
});

describe("a line", () => {
  test("is wrapped between words, with a hanging indent", () => {
    expect(wrapLine("  one two three four", 12)).toEqual(["  one two", "    three", "    four"]);
    expect(wrapLine("one two three four", undefined)).toEqual(["one two three four"]);
  });

  test("a command in backticks is one word, as long as the terminal has room for it", () => {
    expect(wrapLine("now run `tool a b c`, then wait", 20)).toEqual(["now run", "  `tool a b c`,", "  then wait"]);
    expect(wrapLine("now run `tool a b c d e f g h`", 20)).toEqual(["now run `tool a b c", "  d e f g h`"]);
  });

  test("a digest takes columns of the indent before the terminal breaks it", () => {
    expect(wrapLine(`    the digest is ${digest}`, 74)).toEqual(["    the digest is", `  ${digest}`]);
    // Broken in any case: without its indent it would look like the next item.
    expect(wrapLine(`    the digest is ${digest}`, 40)).toEqual(["    the digest is", `      ${digest}`]);
  });

  test("no word is lost or broken, and only a single word is longer than a line", () => {
    const words = fc.array(fc.stringMatching(/^[!-~]{1,30}$/), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(
        words,
        fc.integer({ min: 10, max: 120 }),
        fc.integer({ min: 0, max: 9 }),
        (some, columns, hanging) => {
          const text = some.join(" ");
          for (const lines of [wrapLine(text, columns, hanging), wrapLast("head  ", text, columns)]) {
            expect(lines.flatMap((line) => line.split(" ")).filter((word) => word !== "" && word !== "head")).toEqual(
              some.filter((word) => word !== "head"),
            );
            for (const line of lines) expect(line.length < columns || !line.trim().includes(" "), line).toBe(true);
          }
        },
      ),
      { seed, numRuns: 500 },
    );
  });

  test("a command of a CI runner does not come to the beginning of a line", () => {
    expect(wrapLine("aaaa bbbb ::add-path::/tmp", 12)).toEqual(["aaaa bbbb", "  \\x3a:add-path::/tmp"]);
  });
});

describe("an error", () => {
  test("is wrapped at 40 columns, and beside its labels at 80", () => {
    expect(formatError(error, { columns: 40, command: "buck2-oras" }).split("\n")).toEqual([
      "error[USAGE_INVALID]: the words of this",
      "    message take more than one line of",
      "    a terminal",
      "  hint: write `buck2-oras copy SOURCE",
      "    DESTINATION` or `buck2-oras copy",
      "    --lock FILE DESTINATION`",
    ]);
    expect(formatError(error, { columns: 80, command: "buck2-oras" }).split("\n").slice(2)).toEqual([
      "  hint: write `buck2-oras copy SOURCE DESTINATION` or",
      "        `buck2-oras copy --lock FILE DESTINATION`",
    ]);
    expect(formatError(error, { command: "buck2-oras" }).split("\n")).toHaveLength(2);
  });

  test("the colour of a label changes no width", () => {
    const painted = formatError(error, {
      paint: (_, text) => `<${text}>`,
      columns: 40,
      command: "buck2-oras",
    }).replaceAll(/[<>]/g, "");
    expect(painted).toBe(formatError(error, { columns: 40, command: "buck2-oras" }));
  });
});

describe("a table", () => {
  test("one long row does not widen the others", () => {
    const rows = [
      ["cacheDir", "/home/alice/a/long/folder", "default"],
      ["caFile", "-", "default"],
      ["concurrency", "4", "default"],
    ];
    expect(formatTable({ rows }, 40)).toEqual([
      "cacheDir     /home/alice/a/long/folder",
      "    default",
      "caFile       -  default",
      "concurrency  4  default",
    ]);
  });

  test("cells that do not fit beside each other go below, and no cell is lost", () => {
    expect(
      formatTable({ rows: [["name-of-a-tool", "linux-x86_64, darwin-arm64", "a long reason to say so"]] }, 32),
    ).toEqual(["name-of-a-tool", "    linux-x86_64, darwin-arm64", "    a long reason to say so"].map((line) => line));
  });

  test("a cell that says nothing without its column is left out below, and a cell of several lines is not joined", () => {
    const rows = [["name-of-a-tool", "-", ["one.example/a/b", "two.example/a/b"], "", "a.json"]];
    expect(formatTable({ rows }, 24)).toEqual([
      "name-of-a-tool",
      "    one.example/a/b",
      "    two.example/a/b",
      "    a.json",
    ]);
  });

  const table = {
    heads: ["policy for", "signers", "age", "file"],
    rows: [
      ["ghcr.io/acme", ["key a.pub", "key b.pub"], "-", "/home/alice/project/buck2-oras.json"],
      ["quay.io", "-", "from 7", "/home/alice/config.json"],
    ],
  };

  test("names of columns stand above them where all rows fit", () => {
    const lines = [
      "policy for    signers    age     file",
      "ghcr.io/acme  key a.pub  -       /home/alice/project/buck2-oras.json",
      "              key b.pub",
      "quay.io       -          from 7  /home/alice/config.json",
    ];
    expect(formatTable(table, 80)).toEqual(lines);
    expect(formatTable(table)).toEqual(lines);
  });

  test.each([60, 40])("%i columns: each cell has the name of its column where a row does not fit", (columns) => {
    const below = columns === 40 ? ["  file:", "    "] : ["  file: "];
    expect(formatTable(table, columns).join("\n")).toBe(
      [
        "policy for: ghcr.io/acme",
        "  signers: key a.pub",
        "  signers: key b.pub",
        `${below.join("\n")}/home/alice/project/buck2-oras.json`,
        "policy for: quay.io",
        "  age: from 7",
        "  file: /home/alice/config.json",
      ].join("\n"),
    );
  });

  test("a stranger's cell adds no line", () => {
    const rows = [["a\nb", "c\rd"]];
    expect(formatTable({ heads: ["x", "y"], rows })).toHaveLength(2);
    expect(formatTable({ heads: ["x", "y"], rows: [["a\nb", "c".repeat(40)]] }, 30)).toHaveLength(3);
  });

  test("lines for a program are not wrapped", () => {
    expect(layOut(["a note of words", code("export PATH=a b c")], 12)).toEqual([
      "a note of",
      "  words",
      "export PATH=a b c",
    ]);
  });
});

test("terminal: output and errors are wrapped there, and are one line in a pipe and with --json", async (context) => {
  const script = requireProgram(context, "script");
  const project = await layoutProject();
  const linesOf = async (command: string): Promise<readonly string[]> => {
    const words = `stty cols 40; ${orasWords()} ${command}`;
    const ran = await run(script, ["-qec", words, "/dev/null"], { cwd: project.dir, env: { TERM: "dumb" } });
    return ran.stdout.trimEnd().split("\r\n");
  };
  const wrong = "pull oci:a-folder/with-a-long-name/that-is-not-there:1.0";
  const missing = await linesOf(wrong);
  expect(missing.length).toBeGreaterThan(3);
  for (const line of missing) expect(line.length).toBeLessThan(60);
  expect((await project.oras(wrong.split(" "))).stderr.trimEnd().split("\n")).toHaveLength(2);
  expect(await linesOf(`${wrong} --json`)).toHaveLength(1);
  const info = await linesOf("info oci:layout:1.0");
  expect(info).toContain("Digest:");
  expect(info).toEqual(expect.arrayContaining([expect.stringMatching(/^ +sha256:[0-9a-f]{64}$/)]));
});
