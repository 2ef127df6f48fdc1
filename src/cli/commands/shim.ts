import { type Command, Option } from "commander";
import type * as v from "valibot";
import { type Shell, shells } from "../../tools/shell-lines.ts";
import { type ShimRequest, type ShimResult, shellEnvironment, shimInto } from "../../verbs/shim.ts";
import { pathArgument } from "../arguments.ts";
import { plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { code } from "../layout.ts";
import { lockOption } from "../lock-option.ts";
import { runCommand } from "../run.ts";
import type { envSchema, shimSchema } from "../schemas/tools.ts";

interface ShimOptions {
  readonly lock?: string;
  readonly shadow?: boolean;
}

const shadowOption = ["--shadow", "let shims hide programs of the PATH with the same name"] as const;
const nameArgument = ["[name...]", "tools that get a shim, and may hide a program of the PATH (default: all)"] as const;

function requestOf(names: readonly string[], { lock, shadow }: ShimOptions, { launcher }: CliIo): ShimRequest {
  return { lock, names, mayHide: shadow ?? false, launcher };
}

function notesOf({ folder, written, unchanged, removed }: ShimResult): readonly string[] {
  const changes = [
    ...(written.length === 0 ? [] : [`wrote ${written.join(", ")}`]),
    ...(removed.length === 0 ? [] : [`removed ${removed.join(", ")}`]),
  ];
  const count = written.length + unchanged.length;
  const now = count === 0 ? "no shim of this lock" : plural(count, "shim");
  return [`${folder}: ${changes.join(", ") || "nothing to change"}; ${now}`];
}

export function addShim(program: Command, io: CliIo): Command {
  return program
    .command("shim")
    .summary("write shims of the locked tools into a folder")
    .description(
      "Writes a small script for each locked tool into a folder of your PATH. The script fetches the tool when it is " +
        "first used, verifies it at every use, and starts it. A later call brings the folder up to date: it replaces " +
        "and removes only shims of this lock.",
    )
    .argument("<dir>", "folder of the shims", pathArgument)
    .argument(...nameArgument)
    .option(...lockOption)
    .option(...shadowOption)
    .action(async (dir: string, names: string[], options: ShimOptions, command: Command) =>
      runCommand(command, io, async ({ services }) => {
        const result = await shimInto(dir, requestOf(names, options, io), services);
        const json = jsonOf(result) satisfies v.InferOutput<typeof shimSchema>;
        return { text: [], notes: notesOf(result), json };
      }),
    );
}

export function addEnv(program: Command, io: CliIo): Command {
  return program
    .command("env")
    .summary("print the lines that put the locked tools on the PATH")
    .description(
      "Prints the lines that put a folder with shims of the locked tools in front of your PATH.\n" +
        'bash and zsh: eval "$(buck2-oras env)". fish: buck2-oras env --shell fish | source. ' +
        'In .envrc: eval "$(buck2-oras env --shell direnv)". ' +
        'In a GitHub workflow: buck2-oras env --shell github >> "$GITHUB_PATH". ' +
        "PowerShell: buck2-oras env --shell powershell | Invoke-Expression.",
    )
    .argument(...nameArgument)
    .addOption(
      new Option(
        "--shell <shell>",
        "form of the lines (default: of the shell that calls, else of your login shell)",
      ).choices([...shells]),
    )
    .option(...lockOption)
    .option(...shadowOption)
    .action(async (names: string[], options: ShimOptions & { readonly shell?: Shell }, command: Command) =>
      runCommand(command, io, async ({ services }) => {
        const result = await shellEnvironment(options.shell, requestOf(names, options, io), services);
        const json = jsonOf(result) satisfies v.InferOutput<typeof envSchema>;
        return { text: [code(...result.lines)], json };
      }),
    );
}
