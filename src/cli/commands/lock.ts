import type { Command } from "commander";
import type * as v from "valibot";
import { type LockChange, lockAdd, lockCheck, lockUpdate } from "../../client/lock.ts";
import { lockFileName } from "../../lock/file.ts";
import { formatTable, plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { runCommand, type Shown } from "../run.ts";
import type { lockCheckSchema, lockSchema } from "../schemas.ts";

interface LockOptions {
  readonly lock: string;
}

function short(digest: string | undefined): string {
  return digest === undefined ? "-" : digest.slice(0, "sha256:".length + 12);
}

function show(lock: string, changes: readonly LockChange[]): Shown {
  const rows = changes.map(({ tool, change, previousDigest, digest, platforms }) => {
    const digests = change === "updated" ? `${short(previousDigest)} → ${short(digest)}` : short(digest);
    return [tool, change, digests, platforms.join(", ")];
  });
  const json = {
    lock,
    tools: changes.map((change) => ({
      ...change,
      digest: change.digest ?? null,
      previousDigest: change.previousDigest ?? null,
      platforms: [...change.platforms],
    })),
  } satisfies v.InferOutput<typeof lockSchema>;
  return { text: formatTable(rows), json };
}

export function addLock(program: Command, io: CliIo): readonly Command[] {
  const lock = program
    .command("lock")
    .summary(`maintain ${lockFileName}`)
    .description(`Maintains ${lockFileName}: which bytes each tool is, per platform. The rules build from it alone.`);
  const lockFile = ["--lock <file>", "the lock file", lockFileName] as const;
  const add = lock
    .command("add")
    .summary("lock a tool under a name")
    .description("Looks a reference up, for every platform that it has, and records the digests under a name.")
    .argument("<name>", "name of the tool in the lock")
    .argument("<ref>", "HOST/REPO:TAG, a template such as HOST/REPO:25.1-{platform}, or oci:DIR:TAG")
    .option(...lockFile)
    .action(async (name: string, reference: string, options: LockOptions, command: Command) =>
      runCommand(command, io, async ({ deps, signal }) =>
        show(options.lock, [await lockAdd(options.lock, name, reference, deps, signal)]),
      ),
    );
  const update = lock
    .command("update")
    .summary("look the references up again")
    .description("Looks up again what the references mean and records it; prints what changed.")
    .argument("[name...]", "tools to update (default: all)")
    .option(...lockFile)
    .action(async (names: string[], options: LockOptions, command: Command) =>
      runCommand(command, io, async ({ deps, signal }) =>
        show(options.lock, await lockUpdate(options.lock, names, deps, signal)),
      ),
    );
  const check = lock
    .command("check")
    .summary("check that the lock file is well-formed")
    .description("Checks that the lock can be read and stands as this program writes it. Asks no registry.")
    .option(...lockFile)
    .action(async (options: LockOptions, command: Command) =>
      runCommand(command, io, async () => {
        const tools = Object.keys((await lockCheck(options.lock)).tools).length;
        const json = { lock: options.lock, tools } satisfies v.InferOutput<typeof lockCheckSchema>;
        return { text: `${options.lock} is well-formed: ${plural(tools, "tool")}`, json };
      }),
    );
  return [lock, add, update, check];
}
