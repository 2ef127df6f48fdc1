import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import type { Digest } from "../../model/digest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { type DemandedLevel, demandedLevels } from "../../model/source-level.ts";
import { type ImportResult, importTool } from "../../verbs/import.ts";
import { nothingVouched, type SourceVerdict } from "../../vouching/judge.ts";
import { digestArgument, pathArgument, platformArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import type { Part } from "../layout.ts";
import {
  addPublishOptions,
  annotationsOf,
  compressorOf,
  formatShrunk,
  type PublishOptions,
} from "../publish-options.ts";
import { runCommand } from "../run.ts";
import type { importSchema } from "../schemas/published.ts";
import type { Shown } from "../show.ts";
import { keyReader, signatureJson, signatureNotes } from "../signing-options.ts";

interface ImportOptions extends PublishOptions {
  readonly platform?: readonly PlatformString[];
  readonly digest?: Digest;
  readonly title?: string;
  readonly skipUnavailable?: boolean;
  readonly requireSource?: DemandedLevel;
  readonly trustRoot?: string;
  readonly registryKeys?: string;
}

function collectPlatforms(text: string, earlier: readonly PlatformString[] = []): readonly PlatformString[] {
  if (text.includes("=")) throw new InvalidArgumentError("Expected only a platform; the files come from the source.");
  return [...earlier, platformArgument(text)];
}

/**
 * A package URL without its qualifiers, which hold checksums; the whole URL is in `--json` and in the annotations. Other
 * origins lose their checksum.
 */
function shortOrigin(origin: string): string {
  const short = origin.replace(/[?#].*$/, "");
  return short.startsWith("pkg:") ? short.replaceAll("%40", "@") : short;
}

function levelArgument(text: string): DemandedLevel {
  const level = demandedLevels.find((one) => one === text);
  if (level === undefined) throw new InvalidArgumentError(`Expected ${demandedLevels.join(", ")}.`);
  return level;
}

/** Texts of the lower levels say what is missing. */
function levelText({ level, by }: SourceVerdict): string {
  switch (level) {
    case "none":
      return "nobody vouches for the bytes";
    case "checksum":
      return `checksum alone (${by})`;
    default:
      return `${level} (${by})`;
  }
}

/** One line, however many platforms: equal verdicts stand together, and each remark stands once. */
function sourceNote(all: ImportResult["provenances"]): string {
  const counts = new Map<string, number>();
  for (const { source } of all) counts.set(levelText(source), (counts.get(levelText(source)) ?? 0) + 1);
  const [[only] = [""]] = counts;
  const levels = counts.size === 1 ? only : [...counts].map(([text, count]) => `${count} × ${text}`).join(", ");
  return [`Source: ${levels}`, ...new Set(all.flatMap(({ source }) => source.notes))].join("; ");
}

function sourceJson({ level, by, build, notes }: SourceVerdict) {
  const proven = build && { ...build, time: build.time?.toISOString() };
  return { level, by, build: proven, notes };
}

function show(result: ImportResult): Shown {
  const { reference, digest, replaced, platformsLost, mediaType, missing, signature, provenance } = result;
  const platforms = result.platforms.map((pushed) => {
    const found = result.provenances.find(({ platform }) => platform === pushed.platform);
    return { ...pushed, origin: found?.provenance ?? "", source: sourceJson(found?.source ?? nothingVouched) };
  });
  const rows = platforms.map((one) => [one.platform ?? "all platforms", formatShrunk(one), shortOrigin(one.origin)]);
  const notes: Part[] = [{ rows }, `Digest: ${digest}`];
  if (replaced !== undefined) notes.push(`Replaced: ${replaced}`);
  if (signature !== undefined) notes.push(...signatureNotes(signature));
  if (provenance !== undefined) notes.push(`Provenance: ${provenance}`);
  notes.push(sourceNote(result.provenances));
  if (missing.length > 0) notes.push(`Not available for: ${missing.join(", ")}`);
  const signed = signature && signatureJson(signature);
  const json = jsonOf({
    reference,
    digest,
    replaced,
    platformsLost,
    mediaType,
    platforms,
    missing,
    signature: signed,
    provenance,
  }) satisfies v.InferOutput<typeof importSchema>;
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
      "pypi:NAME@VERSION, maven:GROUP:ARTIFACT:VERSION:TYPE[:CLASSIFIER], npm:NAME@VERSION, go:PACKAGE@VERSION, " +
        "file:PATH (with {platform}), or https://… with --digest",
    )
    .argument("<ref>", "HOST/REPO:TAG, REPO:TAG, or oci:DIR:TAG")
    .option("--platform <platform>", "only this platform; may be repeated", collectPlatforms)
    .option("--digest <digest>", "SHA-256 of the file at the URL", digestArgument)
    .option("--title <name>", "name of the pulled file or folder (default: the tool's own name)")
    .option("--skip-unavailable", "leave out platforms for which a Go program cannot be built")
    .option(
      "--require-source <level>",
      "refuse files whose source vouches for less: checksum, signature, provenance",
      levelArgument,
    )
    .option("--trust-root <file>", "trusted_root.json, which verifies provenance of npm and PyPI", pathArgument)
    .option("--registry-keys <file>", "keys of npm's registry, as JSON, which verify its signatures", pathArgument);
  return addPublishOptions(command).action(
    async (source: string, reference: string, options: ImportOptions, command: Command) =>
      runCommand(command, io, async (session) => {
        const { platform: platforms = [], digest, title, skipUnavailable: skipsUnavailable = false } = options;
        const [compressor, annotations] = [compressorOf(options), annotationsOf(options)];
        const { requireSource: requiredSource, trustRoot, registryKeys } = options;
        const demands = { requiredSource, trustRoot, registryKeys };
        const what = { source, reference, platforms, digest, title, skipsUnavailable, ...demands };
        const withProvenance = options.provenance === true;
        const readKey = keyReader(options, io, session);
        const request = { ...what, compressor, annotations, readKey, withProvenance };
        return show(await importTool(request, session.services, session.run));
      }),
  );
}
