import type { Command } from "commander";
import type * as v from "valibot";
import { tag } from "../../verbs/tag.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { tagSchema } from "../schemas.ts";

export function addTag(program: Command, io: CliIo): Command {
  return program
    .command("tag")
    .summary("give an artifact another tag")
    .description("Adds tags to what a reference means; a tag that is there already means this artifact from then on.")
    .argument("<ref>", "HOST/REPO:TAG, HOST/REPO@sha256:…, or oci:DIR:TAG")
    .argument("<tag...>", "new tags, without the repository")
    .action(async (reference: string, tags: string[], _options: object, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const result = await tag(reference, tags, services, run);
        return {
          text: result.tagged.map((one) => `Tagged: ${one}`),
          notes: [`Digest: ${result.digest}`],
          json: jsonOf(result) satisfies v.InferOutput<typeof tagSchema>,
        };
      }),
    );
}
