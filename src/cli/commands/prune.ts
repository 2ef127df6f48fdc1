import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import { type PruneResult, prune } from "../../verbs/prune.ts";
import { daysArgument, pathArgument } from "../arguments.ts";
import { formatTable, plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand, type Shown } from "../run.ts";
import type { pruneSchema } from "../schemas.ts";

interface PruneOptions {
  readonly tag?: readonly string[];
  readonly keepLast?: number;
  readonly olderThan?: number;
  readonly lock?: readonly string[];
  readonly delete?: boolean;
}

function collected(text: string, earlier: readonly string[] = []): readonly string[] {
  return [...earlier, text];
}

function collectedPaths(text: string, earlier?: readonly string[]): readonly string[] {
  return collected(pathArgument(text), earlier);
}

function countArgument(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("It is a number of tags.");
  return Number(text);
}

function show({ repository, tags }: PruneResult, isConfirmed: boolean): Shown {
  const gone = tags.filter(({ fate }) => fate !== "kept");
  const rows = tags.map(({ tag, fate, created, why }) => [tag, fate, created?.slice(0, 10) ?? "-", why]);
  const json = jsonOf({ repository, tags }) satisfies v.InferOutput<typeof pruneSchema>;
  const notes = isConfirmed
    ? [`Removed ${plural(gone.length, "tag")} of ${repository}`]
    : [`${plural(gone.length, "tag")} of ${repository} would be removed; --delete removes`];
  return { text: formatTable(rows), notes, json };
}

export function addPrune(program: Command, io: CliIo): Command {
  return program
    .command("prune")
    .summary("remove old tags of a repository")
    .description(
      "Shows which tags of a repository go by count and age, and removes them with --delete. Age is that of the `created`\n" +
        "annotation; what has none never goes by age. What a lock names stays.",
    )
    .argument("<repo>", "HOST/REPO, REPO, or oci:DIR")
    .option("--keep-last <n>", "so many of the newest stay", countArgument)
    .option("--older-than <days>", "only what was created more days ago", daysArgument)
    .option("--tag <pattern>", "only tags that fit, such as 33.*; may be repeated", collected)
    .option("--lock <file>", "a lock whose artifacts stay; may be repeated", collectedPaths)
    .option("--delete", "remove them; without it nothing is changed")
    .action(async (repository: string, options: PruneOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const isConfirmed = options.delete ?? false;
        const { tag = [], lock = [], keepLast, olderThan } = options;
        const request = { repository, patterns: tag, keepLast, olderThanDays: olderThan, locks: lock, isConfirmed };
        return show(await prune(request, services, run), isConfirmed);
      }),
    );
}
