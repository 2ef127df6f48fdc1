import type { Command } from "commander";
import type * as v from "valibot";
import { type CacheDescription, describeCache } from "../../verbs/cache.ts";
import { formatBytes, plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { cacheSchema } from "../schemas/machine.ts";
import type { Shown } from "../show.ts";

function show({ path, blobs, notes, partial, oldestUseMs, tools }: CacheDescription): Shown {
  const oldestUse = oldestUseMs === undefined ? undefined : new Date(oldestUseMs).toISOString();
  const all = [blobs, notes, partial];
  const together = {
    files: all.reduce((sum, { files }) => sum + files, 0),
    bytes: all.reduce((sum, { bytes }) => sum + bytes, 0),
  };
  const rows = [
    ["Path", path],
    ["Files", `${plural(blobs.files, "file")}, ${formatBytes(blobs.bytes)}`],
    ["Tags", plural(notes.files, "note")],
    ["Unfinished", `${plural(partial.files, "transfer")}, ${formatBytes(partial.bytes)}`],
    ["Together", `${plural(together.files, "file")}, ${formatBytes(together.bytes)}`],
    ["Installed", `${plural(tools.count, "tool")} of \`run\` and shims, outside the cache: ${tools.folder}`],
    ["Oldest use", oldestUse?.slice(0, 10) ?? "-"],
  ];
  const json = jsonOf({ path, blobs, notes, partial, oldestUse, tools }) satisfies v.InferOutput<typeof cacheSchema>;
  return { text: [{ rows }], json };
}

export function addCache(program: Command, io: CliIo): Command {
  return program
    .command("cache")
    .summary("show the cache's path, size and age")
    .description(
      "Shows the cache's path, the number and size of its files, notes on tags, unfinished transfers, and the last " +
        "use of the least recently used file. `clear-cache` removes files. The tools that `run` and shims installed are " +
        "no part of the cache.",
    )
    .action(async (_options: object, command: Command) =>
      runCommand(command, io, async ({ services, run }) => show(await describeCache(services, run))),
    );
}
