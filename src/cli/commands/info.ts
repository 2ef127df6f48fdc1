import type { Command } from "commander";
import type * as v from "valibot";
import type { Annotations } from "../../model/manifest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { type ArtifactInfo, artifactInfo, type PlatformInfo } from "../../verbs/info.ts";
import { platformArgument } from "../arguments.ts";
import { formatBytes } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { type Part, row } from "../layout.ts";
import { ReferrerLines } from "../referrer-lines.ts";
import { runCommand } from "../run.ts";
import type { infoSchema } from "../schemas/artifacts.ts";

interface InfoOptions {
  readonly platform?: PlatformString;
  readonly referrers: boolean;
}

function annotationLines(annotations: Annotations, indent: string): readonly Part[] {
  return Object.entries(annotations).map(([key, value]) => `${indent}${key}: ${value}`);
}

function platformLines({ platform, digest, annotations, layers }: PlatformInfo, lines: ReferrerLines): readonly Part[] {
  const heading = platform === undefined ? "Files:" : row(`Platform: ${platform}`, digest);
  return [
    heading,
    ...layers.map((one) => row(`  ${one.title ?? "(no name)"}`, formatBytes(one.size), one.digest)),
    ...annotationLines(annotations, "  "),
    ...lines.below(digest, "  "),
  ];
}

function format(info: ArtifactInfo): readonly Part[] {
  const annotations = annotationLines(info.annotations, "  ");
  const lines = new ReferrerLines(info.referrers ?? []);
  // The referrers of an only manifest stand below its files.
  const isIndex = info.platforms.every(({ digest }) => digest !== info.digest);
  const ofIndex = isIndex ? lines.below(info.digest, "  ") : [];
  return [
    `Reference: ${info.reference}`,
    `Digest: ${info.digest}`,
    `Media type: ${info.mediaType}`,
    ...(info.artifactType === undefined ? [] : [`Artifact type: ${info.artifactType}`]),
    ...(annotations.length === 0 ? [] : ["Annotations:", ...annotations]),
    ...(ofIndex.length === 0 ? [] : ["Referrers:", ...ofIndex]),
    ...info.platforms.flatMap((one) => platformLines(one, lines)),
    ...info.otherPlatforms.map(({ platform, digest }) => row(`Unsupported platform: ${platform}`, digest)),
  ];
}

export function addInfo(program: Command, io: CliIo): Command {
  return program
    .command("info")
    .alias("inspect")
    .summary("describe an artifact")
    .description(
      "Shows digest, type, platforms and files of an artifact, and below each what refers to it: signatures, bills of " +
        "materials, provenance. Verifies none of these: provenance is what its author says.",
    )
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, REPO:TAG, or oci:DIR:TAG")
    .option("--platform <platform>", "only this platform (default: all)", platformArgument)
    .option("--no-referrers", "leave out what refers to the artifact, such as signatures")
    .action(async (reference: string, options: InfoOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const { platform, referrers: withReferrers } = options;
        const info = await artifactInfo({ reference, platform, withReferrers }, services, run);
        const { referrersMissing: missing } = info;
        return {
          text: format(info),
          closingNotes: missing === undefined ? [] : [`Warning: the list of referrers is incomplete: ${missing}`],
          json: jsonOf(info) satisfies v.InferOutput<typeof infoSchema>,
        };
      }),
    );
}
