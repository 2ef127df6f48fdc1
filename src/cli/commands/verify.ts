import type { Command } from "commander";
import type * as v from "valibot";
import type { Digest } from "../../model/digest.ts";
import { verifyFile } from "../../verbs/verify.ts";
import { digestArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import type { verifySchema } from "../schemas/artifacts.ts";

export function addVerify(program: Command, io: CliIo): Command {
  return program
    .command("verify")
    .summary("check a file against a digest")
    .description("Hashes a file and compares the digests; exit code 65 on a difference.")
    .argument("<path>", "file to check")
    .argument("<digest>", "sha256:… or the 64 hex digits", digestArgument)
    .action(async (path: string, digest: Digest, _options: object, command: Command) =>
      runCommand(command, io, async ({ run }) => {
        await verifyFile(path, digest, run.signal);
        return {
          text: `Verified: ${path} is ${digest}`,
          json: { path, digest, verified: true } satisfies v.InferOutput<typeof verifySchema>,
        };
      }),
    );
}
