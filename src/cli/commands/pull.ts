import type { Command } from "commander";
import type * as v from "valibot";
import { isInside } from "../../config/inside.ts";
import type { Digest } from "../../model/digest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { digestOfPulled, type PullResult, pull } from "../../verbs/pull.ts";
import { digestArgument, pathArgument, platformArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { pullSchema } from "../schemas/artifacts.ts";
import type { Shown } from "../show.ts";

interface PullOptions {
  readonly platform?: PlatformString;
  readonly digest?: Digest;
  readonly output?: string;
  readonly extract?: boolean;
}

/** @param cost Bytes and time of the fetches, unless a line has already told it. */
function show(result: PullResult, cost: string | undefined, cacheDir: string): Shown {
  const { isLeftAsIs, contentDigest, ...facts } = result;
  const digest = digestOfPulled(result);
  const json = jsonOf({ ...facts, digest }) satisfies v.InferOutput<typeof pullSchema>;
  const placed = result.placed.length > 3 ? [`${result.placed.length} files`] : result.placed;
  const notes = [
    `Digest: ${digest}`,
    ...(contentDigest === undefined
      ? ["Note: this is the digest of the manifest; a folder has no digest of its own"]
      : []),
    ...placed.map((path) => `Placed: ${path}`),
    ...(cost === undefined ? [] : [`Fetched: ${cost}`]),
    ...(result.origin === "cache" ? ["Fetched: nothing, all came from the cache"] : []),
    ...(isLeftAsIs ? ["Note: --extract found no archive: the file is placed unchanged"] : []),
  ];
  // Programs parse the first form, and take the path as one that stays unchanged.
  const text = `Artifact ${isInside(result.path, cacheDir) ? "cached" : "placed"} at: ${result.path}`;
  return { text, quietText: result.path, notes, json };
}

export function addPull(program: Command, io: CliIo): Command {
  return program
    .command("pull")
    .summary("fetch, verify and place an artifact")
    .description(
      "Fetches an artifact for one platform into the cache, verifies the artifact, and places the result in the " +
        "folder of --output. A single compressed file is decompressed; an archive is unpacked only with --extract. " +
        "Prints the file's path in the cache on stdout and the file's digest on stderr. For several files or a " +
        "folder, prints the output folder, and the digest of the manifest with a note.",
    )
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, REPO:TAG, or oci:DIR:TAG; {platform} is filled in")
    .option("--platform <platform>", "platform string such as linux-x86_64 (default: this machine's)", platformArgument)
    .option("--digest <digest>", "expected SHA-256 of the file; a cached file needs no request", digestArgument)
    .option("-o, --output <dir>", "folder for the result", pathArgument)
    .option("--extract", "unpack an archive into the output folder")
    .action(async (reference: string, options: PullOptions, command: Command) =>
      runCommand(command, io, async ({ services, run, cost }) => {
        const { platform, digest, output, extract = false } = options;
        return show(
          await pull({ reference, platform, digest, output, extract }, services, run),
          cost(),
          services.settings.cacheDir,
        );
      }),
    );
}
