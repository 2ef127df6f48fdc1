import type { Command } from "commander";
import type * as v from "valibot";
import { tag } from "../../verbs/tag.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { tagSchema } from "../schemas/published.ts";

export function addTag(program: Command, io: CliIo): Command {
  return program
    .command("tag")
    .summary("add tags to an artifact")
    .description("Adds tags to the artifact of a reference. An existing tag is moved to this artifact.")
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, or oci:DIR:TAG")
    .argument("<tag...>", "new tags, without the repository")
    .action(async (reference: string, tags: string[], _options: object, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const result = await tag(reference, tags, services, run);
        return {
          text: result.tagged.map((one) => `Tagged: ${one}`),
          notes: [
            `Digest: ${result.digest}`,
            ...result.replaced.map(({ tag, digest }) => `Replaced: ${digest} (${tag})`),
          ],
          json: jsonOf(result) satisfies v.InferOutput<typeof tagSchema>,
        };
      }),
    );
}
