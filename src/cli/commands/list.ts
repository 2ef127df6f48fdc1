import type { Command } from "commander";
import type * as v from "valibot";
import { UsageError } from "../../errors.ts";
import { findLockFile } from "../../locking/find.ts";
import { listTags } from "../../verbs/list.ts";
import { listLocked } from "../../verbs/lock-list.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { lockOption } from "../lock-option.ts";
import { runCommand } from "../run.ts";
import type { listSchema } from "../schemas/artifacts.ts";
import { showLocked } from "./lock-list.ts";

interface ListOptions {
  readonly partial?: boolean;
  readonly lock?: string;
}

export function addList(program: Command, io: CliIo): Command {
  return program
    .command("list")
    .alias("ls")
    .summary("list the locked tools, or the tags of a repository")
    .description(
      "Without a repository, lists the tools that the project has locked, as `lock list` does. With a repository or " +
        "an OCI layout folder, lists its tags, one per line.",
    )
    .argument("[repo]", "HOST/REPO, REPO, or oci:DIR")
    .option(...lockOption)
    .option("--partial", "list the pages of tags before a page that fails, with a note")
    .action(async (repository: string | undefined, options: ListOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        if (repository === undefined) {
          const file = options.lock ?? findLockFile(services);
          return showLocked(file, await listLocked({ file, isNamed: options.lock !== undefined }, services));
        }
        if (options.lock !== undefined) {
          throw new UsageError("USAGE_INVALID", "a repository's tags stand in no lock: --lock does not apply", {
            hint: "leave out either the repository or --lock",
          });
        }
        const result = await listTags(repository, options.partial ?? false, services, run);
        const notes = result.tags.length === 0 ? [`${result.repository} has no tags`] : [];
        return {
          text: result.tags,
          notes: result.missing === undefined ? notes : [`incomplete: ${result.missing}`],
          json: jsonOf(result) satisfies v.InferOutput<typeof listSchema>,
        };
      }),
    );
}
