/** The reference pages that are made from the program: commands and options, exit codes, error codes, JSON schemas. */
import { toJsonSchema } from "@valibot/to-json-schema";
import type { Command } from "commander";
import { plainPaint } from "../src/cli/colour.ts";
import { examplesOf } from "../src/cli/help-texts.ts";
import { createProgram } from "../src/cli/program.ts";
import { jsonSchemas } from "../src/cli/schemas.ts";
import { configSchema } from "../src/config/schema.ts";
import { errorCodes } from "../src/errors.ts";
import { lockSchema } from "../src/lockfile/schema.ts";

const silent = {
  stdout: { write: () => true, columns: 100 },
  stderr: { write: () => true, columns: 100 },
  stdin: process.stdin,
  terminal: process.stderr,
  paint: plainPaint,
  setExitCode: () => {},
  command: "buck2-oras",
  launcher: [],
  runProgram: () => Promise.reject(new Error("the reference runs no program")),
  withSession: () => Promise.reject(new Error("the reference runs no command")),
  withServices: () => Promise.reject(new Error("the reference runs no command")),
};

/** The command and those below it, without the protocol of the completion scripts. */
function commandsOf(command: Command): Command[] {
  const below = command.commands.filter((child) => child.name() !== "complete" && child.name() !== "help");
  return [command, ...below.flatMap(commandsOf)];
}

function nameOf(command: Command): string {
  return command.parent === null ? command.name() : `${nameOf(command.parent)} ${command.name()}`;
}

function cell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(cell).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

function optionRows(command: Command, isGlobal: boolean): string[][] {
  return command.options
    .filter((option) => (option.helpGroupHeading === "Global options:") === isGlobal && option.long !== "--version")
    .map((option) => [`\`${option.flags}\``, option.description]);
}

function section(command: Command): string {
  const help = command.createHelp();
  const rows = optionRows(command, false);
  const parts = [
    `## \`${nameOf(command)}\``,
    `\`\`\`\n${help.commandUsage(command)}\n\`\`\``,
    help.commandDescription(command),
  ];
  const args = help.visibleArguments(command).map((argument) => [`\`${argument.name()}\``, argument.description]);
  const examples = examplesOf(nameOf(command).replace("buck2-oras ", ""));
  if (args.length > 0) parts.push(table(["argument", ""], args));
  if (rows.length > 0) parts.push(table(["option", ""], rows));
  if (examples.length > 0) parts.push(`\`\`\`console\n${examples.map((line) => `$ ${line}`).join("\n")}\n\`\`\``);
  return parts.join("\n\n");
}

async function page(): Promise<string> {
  const program = await createProgram(silent, []);
  const [root, ...commands] = commandsOf(program);
  if (root === undefined) throw new Error("a program has itself");
  const codes = Object.entries(errorCodes).map(([code, { exit, isRetryable }]) => [
    `\`${code}\``,
    String(exit),
    isRetryable ? "yes" : "",
  ]);
  return `${[
    "# Command line",
    "Made from the program by `npm run docs`.",
    "```\nbuck2-oras [options] <command>\n```",
    "## Global options",
    "Accepted before and after the command.",
    table(["option", ""], optionRows(root, true)),
    ...commands.map(section),
    "## Error codes",
    "An error is one line `error[CODE]: what happened` on stderr, with `cause:` and `hint:` lines below it; with `--json` it is an object on stdout ([schema](schemas/error.json)). «Retryable» means that the same call may succeed later.",
    table(["code", "exit code", "retryable"], codes),
    "## JSON output",
    `With \`--json\` each command prints one object: ${Object.keys(jsonSchemas)
      .map((name) => `[${name}](schemas/${name}.json)`)
      .join(
        ", ",
      )}. The lock file and the configuration file have schemas too: [oras.lock](schemas/oras.lock.json), [config](schemas/config.json).`,
  ].join("\n\n")}\n`;
}

function schemaText(schema: Parameters<typeof toJsonSchema>[0]): string {
  return `${JSON.stringify(toJsonSchema(schema, { errorMode: "ignore", typeMode: "input" }), null, 2)}\n`;
}

/** Path in the repository and text of every generated page. */
export async function documents(): Promise<readonly (readonly [file: string, text: string])[]> {
  const schemas = Object.entries(jsonSchemas).map(
    ([name, schema]) => [`docs/schemas/${name}.json`, schemaText(schema)] as const,
  );
  return [
    ["docs/cli.md", await page()],
    ...schemas,
    ["docs/schemas/oras.lock.json", schemaText(lockSchema)],
    ["docs/schemas/config.json", schemaText(configSchema)],
  ];
}
