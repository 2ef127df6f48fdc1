import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import { formatCompressor } from "../../archive/encoder.ts";
import { UsageError } from "../../errors.ts";
import type { PushItem, PushResult } from "../../publish/artifact.ts";
import type { BuildFacts } from "../../publish/provenance.ts";
import { push } from "../../verbs/push.ts";
import { platformArgument } from "../arguments.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import {
  addPublishOptions,
  annotationsOf,
  compressorOf,
  formatShrunk,
  type PublishOptions,
} from "../publish-options.ts";
import { runCommand } from "../run.ts";
import type { pushSchema } from "../schemas/published.ts";
import type { Shown } from "../show.ts";
import { keyReader, signatureJson, signatureNotes } from "../signing-options.ts";

interface PushOptions extends PublishOptions {
  readonly platform?: readonly PushItem[];
  readonly title?: string;
  readonly artifactType?: string;
  readonly mediaType?: string;
}

/** Parses `linux-x86_64=PATH` and collects repeated options. */
function platformPath(text: string, earlier: readonly PushItem[] = []): readonly PushItem[] {
  const equals = text.indexOf("=");
  if (equals < 1 || equals === text.length - 1) throw new InvalidArgumentError("Expected PLATFORM=PATH.");
  return [...earlier, { platform: platformArgument(text.slice(0, equals)), path: text.slice(equals + 1) }];
}

function itemsOf(path: string | undefined, options: PushOptions): readonly PushItem[] {
  const items = options.platform ?? [];
  if (path !== undefined && items.length === 0) return [{ platform: undefined, path }];
  if (path === undefined && items.length > 0) return items;
  throw new UsageError("USAGE_INVALID", "push needs either one path, or --platform PLATFORM=PATH for each platform", {
    hint: "write `buck2-oras push REF PATH` or `buck2-oras push REF --platform linux-x86_64=PATH …`",
  });
}

function factsOfPush(options: PushOptions): BuildFacts {
  return { command: "push", parameters: { compression: formatCompressor(compressorOf(options)) }, versions: {} };
}

function show(result: PushResult): Shown {
  const { reference, digest, replaced, platforms, signature, provenance } = result;
  return {
    text: `Pushed: ${reference}`,
    notes: [
      `Digest: ${digest}`,
      ...(replaced === undefined ? [] : [`Replaced: ${replaced}`]),
      ...(signature === undefined ? [] : signatureNotes(signature)),
      ...(provenance === undefined ? [] : [`Provenance: ${provenance}`]),
      { rows: platforms.map((one) => [`  ${one.platform ?? "all platforms"}`, formatShrunk(one), one.digest]) },
    ],
    json: jsonOf({ ...result, signature: signature && signatureJson(signature) }) satisfies v.InferOutput<
      typeof pushSchema
    >,
  };
}

export function addPush(program: Command, io: CliIo): Command {
  const command = program
    .command("push")
    .summary("publish a file or folder, or one per platform")
    .description(
      "Pushes a file or folder under a tag; with --platform, one file or folder per platform, and an index of " +
        "all. The tag is written last and replaces an existing tag.",
    )
    .argument("<ref>", "HOST/REPO:TAG, REPO:TAG, or oci:DIR:TAG")
    .argument("[path]", "file or folder for every platform")
    .option("--platform <platform=path>", "file or folder for one platform; may be repeated", platformPath)
    .option("--title <name>", "name of the pulled file or folder (default: the path's last part)")
    .option("--artifact-type <type>", "artifact type, as a media type")
    .option("--media-type <type>", "media type of the layers, for registries that accept only certain types");
  return addPublishOptions(command).action(
    async (reference: string, path: string | undefined, options: PushOptions, command: Command) =>
      runCommand(command, io, async (session) =>
        show(
          await push(
            {
              reference,
              items: itemsOf(path, options),
              title: options.title,
              artifactType: options.artifactType,
              layerMediaType: options.mediaType,
              compressor: compressorOf(options),
              annotations: annotationsOf(options),
              readKey: keyReader(options, io, session),
              provenance: options.provenance === true ? factsOfPush(options) : undefined,
            },
            session.services,
            session.run,
          ),
        ),
      ),
  );
}
