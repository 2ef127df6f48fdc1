import type { Command } from "commander";
import type * as v from "valibot";
import type { PlatformString } from "../../model/platform.ts";
import { type ArtifactInfo, artifactInfo, type PlatformInfo } from "../../verbs/info.ts";
import { platformArgument } from "../arguments.ts";
import { formatBytes } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { type Part, row } from "../layout.ts";
import { runCommand } from "../run.ts";
import type { infoSchema } from "../schemas/artifacts.ts";

function platformLines({ platform, digest, layers }: PlatformInfo): readonly Part[] {
  const heading = platform === undefined ? "Files:" : row(`Platform: ${platform}`, digest);
  return [heading, ...layers.map((one) => row(`  ${one.title ?? "(no name)"}`, formatBytes(one.size), one.digest))];
}

function format(info: ArtifactInfo): readonly Part[] {
  const annotations = Object.entries(info.annotations).map(([key, value]) => `  ${key}: ${value}`);
  return [
    `Reference: ${info.reference}`,
    `Digest: ${info.digest}`,
    `Media type: ${info.mediaType}`,
    ...(info.artifactType === undefined ? [] : [`Artifact type: ${info.artifactType}`]),
    ...(annotations.length === 0 ? [] : ["Annotations:", ...annotations]),
    ...info.platforms.flatMap(platformLines),
    ...info.otherPlatforms.map(({ platform, digest }) => row(`Unsupported platform: ${platform}`, digest)),
  ];
}

export function addInfo(program: Command, io: CliIo): Command {
  return program
    .command("info")
    .alias("inspect")
    .summary("describe an artifact")
    .description("Shows digest, type, platforms and files of an artifact; fetches no file.")
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, REPO:TAG, or oci:DIR:TAG")
    .option("--platform <platform>", "only this platform (default: all)", platformArgument)
    .action(async (reference: string, options: { platform?: PlatformString }, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const info = await artifactInfo(reference, options.platform, services, run);
        return { text: format(info), json: jsonOf(info) satisfies v.InferOutput<typeof infoSchema> };
      }),
    );
}
