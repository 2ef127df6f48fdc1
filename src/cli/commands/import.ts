import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import type { Digest } from "../../model/digest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { type ImportResult, importTool } from "../../verbs/import.ts";
import { digestArgument, platformArgument } from "../arguments.ts";
import { formatTable } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import {
  addPublishOptions,
  annotationsOf,
  compressorOf,
  formatShrunk,
  type PublishOptions,
} from "../publish-options.ts";
import { runCommand, type Shown } from "../run.ts";
import type { importSchema } from "../schemas.ts";

interface ImportOptions extends PublishOptions {
  readonly platform?: readonly PlatformString[];
  readonly digest?: Digest;
}

function collectPlatforms(text: string, earlier: readonly PlatformString[] = []): readonly PlatformString[] {
  if (text.includes("=")) throw new InvalidArgumentError("Expected only a platform; the files come from the source.");
  return [...earlier, platformArgument(text)];
}

function show(result: ImportResult): Shown {
  const { reference, digest, mediaType, missing } = result;
  const platforms = result.platforms.map((pushed) => ({
    ...pushed,
    origin: result.provenances.find(({ platform }) => platform === pushed.platform)?.provenance ?? "",
  }));
  const rows = platforms.map((one) => [one.platform ?? "all platforms", formatShrunk(one), one.origin]);
  const notes = [...formatTable(rows), `Digest: ${digest}`];
  if (missing.length > 0) notes.push(`Not available for: ${missing.join(", ")}`);
  const json = jsonOf({ reference, digest, mediaType, platforms, missing }) satisfies v.InferOutput<
    typeof importSchema
  >;
  return { text: `Imported: ${reference}`, notes, json };
}

export function addImport(program: Command, io: CliIo): Command {
  const command = program
    .command("import")
    .summary("import a tool from PyPI, Maven, npm, Go, a file or a URL")
    .description(
      "Imports a tool for every available platform with the ecosystem's own client, which uses your private " +
        "mirrors and logins and checks signatures and checksums. Pushes one index of all platforms, with " +
        "annotations that name the source of the bytes. Replaces an existing tag.",
    )
    .argument(
      "<source>",
      "pypi:NAME@VERSION, maven:GROUP:ARTIFACT:VERSION:exe, npm:NAME@VERSION, go:PACKAGE@VERSION, " +
        "file:PATH (with {platform}), or https://… with --digest",
    )
    .argument("<ref>", "HOST/REPO:TAG, REPO:TAG, or oci:DIR:TAG")
    .option("--platform <platform>", "only this platform; may be repeated", collectPlatforms)
    .option("--digest <digest>", "SHA-256 of the file at the URL", digestArgument);
  return addPublishOptions(command).action(
    async (source: string, reference: string, options: ImportOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const { platform: platforms = [], digest } = options;
        const [compressor, annotations] = [compressorOf(options), annotationsOf(options)];
        return show(await importTool({ source, reference, platforms, digest, compressor, annotations }, services, run));
      }),
  );
}
