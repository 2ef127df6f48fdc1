import type { Command } from "commander";
import type * as v from "valibot";
import { listTags } from "../../verbs/list.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { listSchema } from "../schemas.ts";

export function addList(program: Command, io: CliIo): Command {
  return program
    .command("list")
    .summary("list the tags of a repository")
    .description("Lists the tags of a repository or of an OCI layout folder, one per line.")
    .argument("<repo>", "HOST/REPO, REPO, or oci:DIR")
    .action(async (repository: string, _options: object, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const result = await listTags(repository, services, run);
        return {
          text: result.tags,
          notes: result.tags.length === 0 ? [`${result.repository} has no tags`] : [],
          json: jsonOf(result) satisfies v.InferOutput<typeof listSchema>,
        };
      }),
    );
}
