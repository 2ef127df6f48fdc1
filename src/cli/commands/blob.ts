import type { Command } from "commander";
import type { Digest } from "../../model/digest.ts";
import { digestArgument, pathArgument, sizeArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import { showBlob } from "../show-blob.ts";

interface BlobOptions {
  readonly size: number;
  readonly manifest?: Digest;
  readonly output: string;
  readonly executable?: boolean;
}

export function addBlob(program: Command, io: CliIo): Command {
  return program
    .command("blob")
    .summary("fetch exactly one blob by digest")
    .description("Fetches one blob by digest. Build actions call this command.")
    .argument("<ref>", "HOST/REPO@sha256:… or oci:DIR@sha256:…, with the blob's digest")
    .requiredOption("--size <bytes>", "size of the blob in bytes (required)", sizeArgument)
    .requiredOption("-o, --output <file>", "file to write (required)", pathArgument)
    .option("--manifest <digest>", "manifest that lists the blob, asked for where the blob is missing", digestArgument)
    .option("--executable", "make the file executable, whatever its content")
    .option("--no-executable", "make the file not executable, whatever its content")
    .action(async (reference: string, options: BlobOptions, command: Command) =>
      runCommand(command, io, async (session) => {
        const { size, manifest, output, executable } = options;
        return await showBlob({ reference, size, manifest, output, executable }, session);
      }),
    );
}
