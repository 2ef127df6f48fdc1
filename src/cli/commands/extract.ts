import type { Command } from "commander";
import type * as v from "valibot";
import { extractTo } from "../../verbs/extract.ts";
import { pathArgument } from "../arguments.ts";
import { plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import type { extractSchema } from "../schemas/artifacts.ts";

interface ExtractOptions {
  readonly output: string;
  readonly stripPrefix?: string;
  readonly single?: boolean;
  readonly executable?: boolean;
}

export function addExtract(program: Command, io: CliIo): Command {
  return program
    .command("extract")
    .summary("unpack an archive, confined to a folder")
    .description(
      "Unpacks a tar, tar.gz, tar.zst, tar.xz or zip archive into a folder; the format is detected from the bytes. " +
        "Nothing is written outside the folder. A refused archive leaves no files behind.",
    )
    .argument("<archive>", "file to unpack")
    .requiredOption(
      "-o, --output <dir>",
      "folder to unpack into; with --single, the file to write (required)",
      pathArgument,
    )
    .option("--strip-prefix <path>", "unpack only the entries below this path, and remove the path from their names")
    .option("--single", "treat the input as one compressed file (gzip, zstd or xz), not as an archive")
    .option("--executable", "with --single: make the file executable, whatever its content")
    .option("--no-executable", "with --single: make the file not executable, whatever its content")
    .action(async (archive: string, options: ExtractOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const { output, stripPrefix, single: isSingle = false, executable } = options;
        const files = await extractTo(
          { archive, output, stripPrefix, isSingle, executable },
          services.context,
          run.signal,
        );
        return {
          text: output,
          notes: [`Extracted ${plural(files, "file")}`],
          json: { archive, output, files } satisfies v.InferOutput<typeof extractSchema>,
        };
      }),
    );
}
