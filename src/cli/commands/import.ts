import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import { type ImportResult, importTool } from "../../client/import.ts";
import type { Digest } from "../../model/digest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { digestArgument, keyValueArgument, platformArgument } from "../arguments.ts";
import { formatBytes, formatTable } from "../format.ts";
import type { CliIo } from "../io.ts";
import { runCommand, type Shown } from "../run.ts";
import type { importSchema } from "../schemas.ts";

interface ImportOptions {
  readonly platform?: readonly PlatformString[];
  readonly digest?: Digest;
  readonly annotation?: Readonly<Record<string, string>>;
}

function platforms(text: string, earlier: readonly PlatformString[] = []): readonly PlatformString[] {
  if (text.includes("=")) throw new InvalidArgumentError("It is a platform; the files come from the source.");
  return [...earlier, platformArgument(text)];
}

function show(result: ImportResult): Shown {
  const { reference, digest, mediaType, missing } = result;
  const all = result.platforms.map(({ platform, digest: own, size }) => ({
    platform: platform ?? null,
    digest: own,
    size,
    origin: result.origins.find((one) => one.platform === platform)?.origin ?? "",
  }));
  const rows = all.map(({ platform, size, origin }) => [platform ?? "all platforms", formatBytes(size), origin]);
  const notes = [formatTable(rows), `Digest: ${digest}`];
  if (missing.length > 0) notes.push(`Not available for: ${missing.join(", ")}`);
  const json = { reference, digest, mediaType, platforms: all, missing: [...missing] } satisfies v.InferOutput<
    typeof importSchema
  >;
  return { text: `Imported: ${reference}`, notes, json };
}

export function addImport(program: Command, io: CliIo): Command {
  return program
    .command("import")
    .summary("bring a tool from PyPI, Maven, npm, Go, or an address")
    .description(
      "Brings a tool for every platform that there is, by the ecosystem's own client (so private mirrors and logins work,\n" +
        "and what it signs or sums is checked), and pushes one index of them; where each byte came from is noted in it.",
    )
    .argument(
      "<source>",
      "pypi:NAME@VERSION, maven:GROUP:ARTIFACT:VERSION:exe, npm:NAME@VERSION, go:PACKAGE@VERSION, file:PATH (with {platform}), or https://… with --digest",
    )
    .argument("<ref>", "HOST/REPO:TAG, REPO:TAG, or oci:DIR:TAG")
    .option("--platform <platform>", "only this platform; may be repeated", platforms)
    .option("--digest <digest>", "SHA-256 of what an address gives", digestArgument)
    .option("--annotation <key=value>", "annotation of the manifests; may be repeated", keyValueArgument)
    .action(async (source: string, reference: string, options: ImportOptions, command: Command) =>
      runCommand(command, io, async ({ deps, signal }) => {
        const { platform = [], digest, annotation = {} } = options;
        return show(
          await importTool({ source, reference, platforms: platform, digest, annotations: annotation }, deps, signal),
        );
      }),
    );
}
