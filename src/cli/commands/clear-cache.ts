import type { Command } from "commander";
import type * as v from "valibot";
import { clearCache } from "../../verbs/clear-cache.ts";
import { byteSizeArgument, daysArgument } from "../arguments.ts";
import { formatBytes, plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { runCommand } from "../run.ts";
import type { clearCacheSchema } from "../schemas.ts";

interface ClearCacheOptions {
  readonly olderThan?: number;
  readonly maxSize?: number;
}

export function addClearCache(program: Command, io: CliIo): Command {
  return program
    .command("clear-cache")
    .summary("remove cached files")
    .description(
      "Removes what the cache holds: all of it, or what was not used lately, or the least used beyond a size. A folder that\n" +
        "is no cache of buck2-oras (its CACHEDIR.TAG is missing or not ours) is left alone.",
    )
    .option("--older-than <days>", "only what was last used more days ago", daysArgument)
    .option("--max-size <size>", "the least recently used until this much is left, such as 2GiB", byteSizeArgument)
    .action(async (options: ClearCacheOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const result = await clearCache(
          { olderThanDays: options.olderThan, maxSizeBytes: options.maxSize },
          services,
          run,
        );
        const { filesRemoved, bytesFreed, filesInUse } = result;
        const json = { filesRemoved, bytesFreed, filesInUse } satisfies v.InferOutput<typeof clearCacheSchema>;
        const text = `Removed ${plural(filesRemoved, "file")} (${formatBytes(bytesFreed)})`;
        const kept = `Kept ${plural(filesInUse, "file")} of transfers that may be under way, or ended less than an hour ago`;
        const notes = filesInUse === 0 ? [] : [kept];
        return { text, notes, json };
      }),
    );
}
