import { basename, resolve } from "node:path";
import type { Command } from "commander";
import type * as v from "valibot";
import { documentNames } from "../../attestation/document-types.ts";
import type { Annotations } from "../../model/manifest.ts";
import type { PlatformString } from "../../model/platform.ts";
import { type AttachResult, attach } from "../../verbs/attach.ts";
import { keyValueArgument, pathArgument, platformArgument } from "../arguments.ts";
import { formatBytes } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { row } from "../layout.ts";
import { runCommand } from "../run.ts";
import type { attachSchema } from "../schemas/published.ts";
import type { Shown } from "../show.ts";

interface AttachOptions {
  readonly artifactType?: string;
  readonly mediaType?: string;
  readonly platform?: PlatformString;
  readonly title?: string;
  readonly annotation?: Annotations;
}

function show(result: AttachResult): Shown {
  const { reference, subject, digest, artifactType, size, isNew } = result;
  return {
    text: `${isNew ? "Attached" : "Already attached"}: ${digest}`,
    notes: [`To: ${reference}`, `Subject: ${subject}`, row(`Type: ${artifactType}`, formatBytes(size))],
    json: jsonOf(result) satisfies v.InferOutput<typeof attachSchema>,
  };
}

export function addAttach(program: Command, io: CliIo): Command {
  return program
    .command("attach")
    .summary("attach a bill of materials or another file to an artifact")
    .description(
      "Publishes a file as a referrer of an artifact: the artifact stays as it is, and `buck2-oras info` and other clients " +
        "list the file. The same file again changes nothing.",
    )
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, REPO:TAG, or oci:DIR:TAG")
    .argument("<file>", "file to attach", pathArgument)
    .option("--artifact-type <type>", `${documentNames.join(", ")}, or a media type (default: as the content shows)`)
    .option("--media-type <type>", "media type of the file (default: as the content shows, else the artifact type)")
    .option("--platform <platform>", "attach to this platform of an index (default: to the index)", platformArgument)
    .option("--title <name>", "name of the pulled file (default: the path's last part)")
    .option("--annotation <key=value>", "annotation of the referrer's manifest; may be repeated", keyValueArgument)
    .action(async (reference: string, file: string, options: AttachOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const { artifactType, mediaType, platform, annotation: annotations = {} } = options;
        const title = options.title ?? basename(resolve(file));
        return show(
          await attach({ reference, file, artifactType, mediaType, platform, title, annotations }, services, run),
        );
      }),
    );
}
