import type { Command } from "commander";
import type * as v from "valibot";
import type { Digest } from "../../model/digest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { digestOfPulled, type PullResult, pull } from "../../verbs/pull.ts";
import { digestArgument, pathArgument, platformArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand, type Shown } from "../run.ts";
import type { pullSchema } from "../schemas.ts";

interface PullOptions {
  readonly platform?: PlatformString;
  readonly digest?: Digest;
  readonly output?: string;
  readonly extract?: boolean;
}

function show(result: PullResult): Shown {
  const { isLeftAsIs, contentDigest, ...facts } = result;
  const digest = digestOfPulled(result);
  const json = jsonOf({ ...facts, digest }) satisfies v.InferOutput<typeof pullSchema>;
  const placed = result.placed.length > 3 ? [`${result.placed.length} files`] : result.placed;
  const notes = [
    `Digest: ${digest}`,
    ...(contentDigest === undefined ? ["Note: this is the digest of the manifest; a folder has none of its own"] : []),
    ...placed.map((path) => `Placed: ${path}`),
    ...(isLeftAsIs ? ["Note: --extract found no archive: the file is placed as it is"] : []),
  ];
  return { text: `Artifact cached at: ${result.path}`, notes, json };
}

export function addPull(program: Command, io: CliIo): Command {
  return program
    .command("pull")
    .summary("fetch an artifact, verify it, place it")
    .description(
      "Fetches an artifact for one platform into the cache, verifies it, and places it in a folder if one is named.\n" +
        "A single compressed file is unpacked; an archive stays one unless --extract is given.\n" +
        "Prints the file's path in the cache on stdout, and on stderr its digest. Of several files or a folder it prints the\n" +
        "output folder and the digest of the manifest, and says so.",
    )
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, REPO:TAG, or oci:DIR:TAG; {platform} is filled in")
    .option("--platform <platform>", "platform string such as linux-x86_64 (default: this machine's)", platformArgument)
    .option(
      "--digest <digest>",
      "SHA-256 that the file must have; taken from the cache when it is there",
      digestArgument,
    )
    .option("-o, --output <dir>", "folder to place the result in", pathArgument)
    .option("--extract", "unpack an archive into the folder")
    .action(async (reference: string, options: PullOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) =>
        show(
          await pull(
            {
              reference,
              platform: options.platform,
              digest: options.digest,
              output: options.output,
              extract: options.extract ?? false,
            },
            services,
            run,
          ),
        ),
      ),
    );
}
