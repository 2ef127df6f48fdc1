import type { Command } from "commander";
import { pathArgument, sizeArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import { showBlob } from "../show-blob.ts";

interface BlobOptions {
  readonly size: number;
  readonly output: string;
  readonly executable?: boolean;
}

export function addBlob(program: Command, io: CliIo): Command {
  return program
    .command("blob")
    .summary("fetch exactly one blob by digest")
    .description("Fetches one blob by digest, without a manifest. Build actions call this command.")
    .argument("<ref>", "HOST/REPO@sha256:… or oci:DIR@sha256:…, with the blob's digest")
    .requiredOption("--size <bytes>", "size of the blob in bytes (required)", sizeArgument)
    .requiredOption("-o, --output <file>", "file to write (required)", pathArgument)
    .option("--executable", "make the file executable, whatever its content")
    .action(async (reference: string, options: BlobOptions, command: Command) =>
      runCommand(command, io, async (session) => {
        const { size, output, executable } = options;
        return await showBlob({ reference, size, output, executable }, session);
      }),
    );
}
