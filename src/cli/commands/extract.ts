import type { Command } from "commander";
import type * as v from "valibot";
import { extractTo } from "../../verbs/extract.ts";
import { pathArgument } from "../arguments.ts";
import { plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import type { extractSchema } from "../schemas.ts";

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
      "Unpacks a tar, tar.gz, tar.zst or zip (told by its bytes) into a folder; nothing is written outside it, and nothing " +
        "is left when the archive is refused.",
    )
    .argument("<archive>", "file to unpack")
    .requiredOption("-o, --output <dir>", "folder to unpack into; with --single, the file to write", pathArgument)
    .option("--strip-prefix <path>", "unpack what is below this path of the archive only, without the path")
    .option("--single", "the file is one compressed file (gzip or zstd), not an archive")
    .option("--executable", "with --single: make the file executable whatever is in it")
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
