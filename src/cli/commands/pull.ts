import type { Command } from "commander";
import type * as v from "valibot";
import { type PullResult, pull } from "../../client/pull.ts";
import type { Digest } from "../../model/digest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { digestArgument, platformArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { runCommand, type Shown } from "../run.ts";
import type { pullSchema } from "../schemas.ts";

interface PullOptions {
  readonly platform?: PlatformString;
  readonly digest?: Digest;
  readonly output?: string;
  readonly extract?: boolean;
}

function show(result: PullResult): Shown {
  const json = {
    ...result,
    manifestDigest: result.manifestDigest ?? null,
    platform: result.platform ?? null,
    placed: [...result.placed],
  } satisfies v.InferOutput<typeof pullSchema>;
  const placed = result.placed.length > 3 ? [`${result.placed.length} files`] : result.placed;
  return {
    text: `Artifact cached at: ${result.path}`,
    notes: [`Digest: ${result.digest}`, ...placed.map((path) => `Placed: ${path}`)],
    json,
  };
}

export function addPull(program: Command, io: CliIo): Command {
  return program
    .command("pull")
    .summary("fetch an artifact, verify it, place it")
    .description(
      "Fetches an artifact for one platform into the cache, verifies it, and places it in a folder if one is named.\n" +
        "A single compressed file is unpacked; an archive stays one unless --extract is given.",
    )
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, REPO:TAG, or oci:DIR:TAG; {platform} is filled in")
    .option("--platform <platform>", "platform string such as linux-x86_64 (default: this machine's)", platformArgument)
    .option(
      "--digest <digest>",
      "SHA-256 that the file must have; taken from the cache when it is there",
      digestArgument,
    )
    .option("-o, --output <dir>", "folder to place the result in")
    .option("--extract", "unpack an archive into the folder")
    .action(async (reference: string, options: PullOptions, command: Command) =>
      runCommand(command, io, async ({ deps, signal }) =>
        show(
          await pull(
            {
              reference,
              platform: options.platform,
              digest: options.digest,
              output: options.output,
              extract: options.extract ?? false,
            },
            deps,
            signal,
          ),
        ),
      ),
    );
}
