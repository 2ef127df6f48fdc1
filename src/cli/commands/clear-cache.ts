import type { Command } from "commander";
import type * as v from "valibot";
import { clearCache } from "../../verbs/clear-cache.ts";
import { byteSizeArgument, daysArgument } from "../arguments.ts";
import { formatBytes, plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import type { clearCacheSchema } from "../schemas/machine.ts";

interface ClearCacheOptions {
  readonly olderThan?: number;
  readonly maxSize?: number;
  readonly dryRun?: boolean;
}

export function addClearCache(program: Command, io: CliIo): Command {
  return program
    .command("clear-cache")
    .summary("remove cached files")
    .description(
      "Removes cached files: all of them, only files unused for some days, or the least recently used beyond a " +
        "size. A folder that is not a cache of buck2-oras (its CACHEDIR.TAG is missing or not ours) stays " +
        "untouched.",
    )
    .option("--older-than <days>", "remove only files last used more than this many days ago", daysArgument)
    .option(
      "--max-size <size>",
      "remove the least recently used files until this size remains, such as 2GiB",
      byteSizeArgument,
    )
    .option("--dry-run", "show what would be removed, and remove nothing")
    .action(async (options: ClearCacheOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const { olderThan: olderThanDays, maxSize: maxSizeBytes, dryRun: isDryRun = false } = options;
        const result = await clearCache({ olderThanDays, maxSizeBytes, isDryRun }, services, run);
        const { filesRemoved, bytesFreed, notesRemoved, transfersRemoved, filesInUse, toolsKept } = result;
        const json = {
          filesRemoved,
          bytesFreed,
          notesRemoved,
          transfersRemoved,
          filesInUse,
          dryRun: isDryRun,
        } satisfies v.InferOutput<typeof clearCacheSchema>;
        // The words of `cache`, whose last row has the same sums.
        const others = [
          ...(notesRemoved === 0 ? [] : [plural(notesRemoved, "note")]),
          ...(transfersRemoved === 0 ? [] : [plural(transfersRemoved, "unfinished transfer")]),
        ];
        const all = `${plural(filesRemoved, "file")} (${formatBytes(bytesFreed)})`;
        const text = `${isDryRun ? "Would remove" : "Removed"} ${all}${others.length === 0 ? "" : `, with ${others.join(" and ")}`}`;
        const kept = `Kept ${plural(filesInUse, "file")} of transfers that may still run, or ended in the last hour`;
        const tools =
          `Kept ${plural(toolsKept.count, "tool")} that \`run\` and shims installed below ${toolsKept.folder}: ` +
          "each goes by itself when nobody has used it for 30 days";
        const notes = filesInUse === 0 ? [] : [kept];
        return { text, notes, closingNotes: isDryRun || toolsKept.count === 0 ? [] : [tools], json };
      }),
    );
}
