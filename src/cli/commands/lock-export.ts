import { type Command, Option } from "commander";
import type * as v from "valibot";
import { UsageError } from "../../errors.ts";
import { findLockFile } from "../../locking/find.ts";
import { type ExportFormat, exportFormats, lockExport, writeDotslash } from "../../verbs/lock-export.ts";
import { pathArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { code } from "../layout.ts";
import { lockOption } from "../lock-option.ts";
import { runCommand } from "../run.ts";
import type { lockExportSchema } from "../schemas/tools.ts";

interface ExportOptions {
  readonly lock?: string;
  readonly format: ExportFormat;
  readonly output?: string;
}

/** Adds `lock export` to the command `lock`. */
export function addLockExport(lock: Command, io: CliIo): Command {
  return lock
    .command("export")
    .summary("write the locked tools for DotSlash or mise")
    .description(
      "Writes the locked tools for DotSlash (a file for each tool, in a folder) or mise (lines for mise.toml), with the " +
        "lock's digests. Neither program has logins for registries, so each blob is asked for without a login first; a " +
        "registry that asks for one is an error. With --offline, nothing is asked.",
    )
    .argument("[name...]", "tools to export (default: all)")
    .addOption(new Option("--format <format>", "form of the export").choices([...exportFormats]).makeOptionMandatory())
    .option("-o, --output <dir>", "folder of the DotSlash files", pathArgument)
    .option(...lockOption)
    .action(async (names: string[], { lock: named, format, output }: ExportOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        if ((format === "dotslash") !== (output !== undefined)) {
          throw new UsageError(
            "USAGE_INVALID",
            `--format ${format} ${output === undefined ? "needs" : "takes no"} -o`,
            {
              hint: output === undefined ? "add -o DIR for the files" : "write the output into a file of mise by `>`",
            },
          );
        }
        const file = named ?? findLockFile(services);
        const tools = await lockExport({ file, names, format }, services, run);
        const files = output === undefined ? [] : await writeDotslash(output, { lock: file, tools }, services);
        const lines = tools.flatMap(({ text }) => [...text.split("\n"), ""]);
        const json = jsonOf({ lock: file, format, tools, files });
        const notes = services.settings.isOffline
          ? ["Not checked whether the registry asks for a login (--offline)"]
          : [];
        return {
          text: [code(...(output === undefined ? lines : files))],
          notes,
          json: json satisfies v.InferOutput<typeof lockExportSchema>,
        };
      }),
    );
}
