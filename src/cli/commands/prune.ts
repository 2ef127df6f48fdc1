import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import { type PruneResult, prune } from "../../verbs/prune.ts";
import { collected, daysArgument, pathArgument } from "../arguments.ts";
import { plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { pruneSchema } from "../schemas/published.ts";
import type { Shown } from "../show.ts";

interface PruneOptions {
  readonly tag?: readonly string[];
  readonly keepLast?: number;
  readonly olderThan?: number;
  readonly lock?: readonly string[];
  readonly delete?: boolean;
}

interface Asked {
  readonly isConfirmed: boolean;
  readonly olderThan: number | undefined;
}

function collectedPaths(text: string, earlier?: readonly string[]): readonly string[] {
  return collected(pathArgument(text), earlier);
}

function countArgument(text: string): number {
  if (!/^[0-9]{1,9}$/.test(text)) throw new InvalidArgumentError("Expected a whole number.");
  return Number(text);
}

const undated =
  "Artifacts without a creation time stay, whatever their age: the option --created of `buck2-oras push` and " +
  "`buck2-oras import` states the time";

function show({ repository, locks, tags, attached }: PruneResult, { isConfirmed, olderThan }: Asked): Shown {
  const gone = tags.filter(({ fate }) => fate !== "kept");
  const rows = tags.map(({ tag, fate, created, why }) => [tag, fate, created?.slice(0, 10) ?? "-", why]);
  const json = jsonOf({ repository, locks, tags, attached }) satisfies v.InferOutput<typeof pruneSchema>;
  const kept = locks.length === 0 ? "No lock was found: nothing is kept for a lock" : `Locks: ${locks.join(", ")}`;
  const summary = isConfirmed
    ? [`Removed ${gone.length === 0 ? "no tag" : plural(gone.length, "tag")} of ${repository}`]
    : gone.length === 0
      ? [`No tag of ${repository} would be removed`]
      : [`${plural(gone.length, "tag")} of ${repository} would be removed; run again with --delete to confirm`];
  const isUndated =
    olderThan !== undefined && tags.some(({ fate, created }) => fate === "kept" && created === undefined);
  const belonging = attached.filter(({ fate }) => fate !== "kept").length;
  const counted = `${plural(belonging, "manifest")} of signatures and documents of these artifacts`;
  if (belonging > 0) summary.push(isConfirmed ? `Removed ${counted}` : `${counted} would be removed, too`);
  return { text: [{ rows }], notes: [kept, ...summary], closingNotes: isUndated ? [undated] : [], json };
}

export function addPrune(program: Command, io: CliIo): Command {
  return program
    .command("prune")
    .summary("remove old tags of a repository")
    .description(
      "Shows which tags of a repository go by count and age, and removes these tags with --delete. The age " +
        "comes from the `created` annotation; artifacts without the annotation are never removed by age. " +
        "The artifacts of the project's lock and of each --lock stay.",
    )
    .argument("<repo>", "HOST/REPO, REPO, or oci:DIR")
    .option("--keep-last <n>", "keep this many of the newest artifacts", countArgument)
    .option("--older-than <days>", "remove only artifacts created more than this many days ago", daysArgument)
    .option("--tag <pattern>", "remove only tags that match, such as 33.*; may be repeated", collected)
    .option("--lock <file>", "keep the artifacts of this lock, too; may be repeated", collectedPaths)
    .option("--delete", "remove the tags; without --delete, nothing changes")
    .action(async (repository: string, options: PruneOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const isConfirmed = options.delete ?? false;
        const { tag = [], lock = [], keepLast, olderThan } = options;
        const request = { repository, patterns: tag, keepLast, olderThanDays: olderThan, locks: lock, isConfirmed };
        return show(await prune(request, services, run), { isConfirmed, olderThan });
      }),
    );
}
