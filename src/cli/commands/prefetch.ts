import type { Command } from "commander";
import type * as v from "valibot";
import { findLockFile } from "../../locking/find.ts";
import type { PlatformString } from "../../model/platform.ts";
import { type PrefetchResult, prefetch, type SkippedTool } from "../../verbs/prefetch.ts";
import { formatBytes } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { lockOption } from "../lock-option.ts";
import { platformsArgument } from "../recorded-options.ts";
import { runCommand } from "../run.ts";
import type { prefetchSchema } from "../schemas/tools.ts";
import type { Shown } from "../show.ts";

interface PrefetchOptions {
  readonly lock?: string;
  readonly platform?: readonly PlatformString[];
}

/** Names the tools of each platform that the lock lacks for them. */
function notesOf(skipped: readonly SkippedTool[]): readonly string[] {
  return [...new Set(skipped.map(({ platform }) => platform))].map((platform) => {
    const tools = skipped.filter((one) => one.platform === platform).map(({ tool }) => tool);
    return `Skipped ${tools.join(", ")}: not locked for ${platform}. Push that platform, and run \`buck2-oras lock update\``;
  });
}

function show(lock: string, { tools, skipped }: PrefetchResult): Shown {
  const rows = tools.map(({ tool, platform, size, fetched }) => [
    tool,
    platform,
    formatBytes(size),
    fetched === 0 ? "was cached" : "fetched",
  ]);
  return {
    text: [{ rows }],
    notes: [`Lock: ${lock}`],
    closingNotes: [
      ...notesOf(skipped),
      ...(tools.length === 0 ? ["No tool of the lock has this platform; name another one with --platform"] : []),
    ],
    json: jsonOf({ lock, tools, skipped }) satisfies v.InferOutput<typeof prefetchSchema>,
  };
}

export function addPrefetch(program: Command, io: CliIo): Command {
  return program
    .command("prefetch")
    .summary("fetch the locked tools into the cache")
    .description(
      "Fetches the files of the locked tools into the cache, in one process: for an image of a build machine, for a " +
        "machine that goes offline, or before a build of many tools. Builds of this user then ask no registry, except for what Buck2 fetches itself.",
    )
    .argument("[name...]", "tools to fetch (default: all that have the platform)")
    .option(...lockOption)
    .option(
      "--platform <platform>",
      "fetch for this platform (default: this machine's); may be repeated",
      platformsArgument,
    )
    .action(async (names: string[], options: PrefetchOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const file = options.lock ?? findLockFile(services);
        return show(file, await prefetch({ file, names, platforms: options.platform ?? [] }, services, run));
      }),
    );
}
