/** `lock list` and `lock remove`. */
import type { Command } from "commander";
import type * as v from "valibot";
import { findLockFile } from "../../locking/find.ts";
import { type ListedTool, listLocked } from "../../verbs/lock-list.ts";
import { lockRemove } from "../../verbs/lock-remove.ts";
import { formatBytes } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { code } from "../layout.ts";
import { lockOption } from "../lock-option.ts";
import { runCommand } from "../run.ts";
import type { lockListSchema, lockRemoveSchema } from "../schemas/tools.ts";
import type { Shown } from "../show.ts";

interface LockOptions {
  readonly lock?: string;
}

function cachedText(cached: boolean | undefined): string {
  if (cached === undefined) return "not for this machine";
  return cached ? "cached" : "not cached";
}

export function showLocked(lock: string, tools: readonly ListedTool[]): Shown {
  const rows = tools.map(({ tool, reference, version, platforms, size, cached }) => [
    tool,
    version.startsWith("sha256:") ? version.slice(0, "sha256:".length + 12) : version,
    size === undefined ? "-" : formatBytes(size),
    cachedText(cached),
    platforms.join(", "),
    reference,
  ]);
  const nothing = [
    `No tool is locked in ${lock}. Lock the first one with:`,
    code("  buck2-oras lock add NAME HOST/REPOSITORY:TAG"),
  ];
  return {
    text: [{ rows }],
    notes: tools.length === 0 ? nothing : [`Lock: ${lock}`],
    json: jsonOf({ lock, tools }) satisfies v.InferOutput<typeof lockListSchema>,
  };
}

export function addLockList(lock: Command, io: CliIo): Command {
  return lock
    .command("list")
    .alias("ls")
    .summary("list the locked tools")
    .description(
      "Lists the locked tools: name, version, size for this machine, whether this machine has the files in its " +
        "cache, platforms, and the locked reference. Contacts no registry.",
    )
    .option(...lockOption)
    .action(async (options: LockOptions, command: Command) =>
      runCommand(command, io, async ({ services }) => {
        const file = options.lock ?? findLockFile(services);
        return showLocked(file, await listLocked({ file, isNamed: options.lock !== undefined }, services));
      }),
    );
}

export function addLockRemove(lock: Command, io: CliIo): Command {
  return lock
    .command("remove")
    .alias("rm")
    .summary("remove tools from the lock")
    .description("Removes tools from the lock. Their files stay in the cache, and their targets in your BUCK files.")
    .argument("<name...>", "tools to remove")
    .option(...lockOption)
    .action(async (names: string[], options: LockOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const file = options.lock ?? findLockFile(services);
        const removed = [...new Set(names)];
        await lockRemove(file, removed, services, run);
        return {
          text: [{ rows: removed.map((name) => [name, "removed"]) }],
          notes: [`Lock: ${file}`],
          closingNotes: [`Remove ${removed.length === 1 ? "its" : "their"} \`oras_tool\` from your BUCK files as well`],
          json: { lock: file, removed } satisfies v.InferOutput<typeof lockRemoveSchema>,
        };
      }),
    );
}
