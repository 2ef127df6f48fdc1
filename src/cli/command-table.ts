/** The commands, each loaded when it is needed: a command line runs one, and the code of the others would only be read. */
import type { Command } from "commander";
import type { CliIo } from "./io.ts";
import { addGlobalOptions } from "./options.ts";

type Added = Command | readonly Command[];

/** Adds a command to the program, and returns it with its subcommands. */
type AddCommand = (program: Command, io: CliIo, argv: readonly string[]) => Added | Promise<Added>;

/** By name, in the order of the help. */
const commands: ReadonlyMap<string, () => Promise<AddCommand>> = new Map(
  Object.entries({
    init: async () => (await import("./commands/init.ts")).addInit,
    pull: async () => (await import("./commands/pull.ts")).addPull,
    blob: async () => (await import("./commands/blob.ts")).addBlob,
    extract: async () => (await import("./commands/extract.ts")).addExtract,
    list: async () => (await import("./commands/list.ts")).addList,
    info: async () => (await import("./commands/info.ts")).addInfo,
    verify: async () => (await import("./commands/verify.ts")).addVerify,
    cache: async () => (await import("./commands/cache.ts")).addCache,
    "clear-cache": async () => (await import("./commands/clear-cache.ts")).addClearCache,
    platform: async () => (await import("./commands/platform.ts")).addPlatform,
    config: async () => (await import("./commands/config.ts")).addConfig,
    lock: async () => (await import("./commands/lock.ts")).addLock,
    prefetch: async () => (await import("./commands/prefetch.ts")).addPrefetch,
    run: async () => (await import("./commands/run.ts")).addRun,
    which: async () => (await import("./commands/run.ts")).addWhich,
    shim: async () => (await import("./commands/shim.ts")).addShim,
    env: async () => (await import("./commands/shim.ts")).addEnv,
    push: async () => (await import("./commands/push.ts")).addPush,
    attach: async () => (await import("./commands/attach.ts")).addAttach,
    copy: async () => (await import("./commands/copy.ts")).addCopy,
    import: async () => (await import("./commands/import.ts")).addImport,
    tag: async () => (await import("./commands/tag.ts")).addTag,
    sign: async () => (await import("./commands/sign.ts")).addSign,
    "trust-root": async () => (await import("./commands/trust-root.ts")).addTrustRoot,
    prune: async () => (await import("./commands/prune.ts")).addPrune,
    login: async () => (await import("./commands/login.ts")).addLogin,
    logout: async () => (await import("./commands/login.ts")).addLogout,
    doctor: async () => (await import("./commands/doctor.ts")).addDoctor,
    worker: async () => (await import("./commands/worker.ts")).addWorker,
    // Last: it offers the commands before it.
    completion: async () => (await import("./commands/completion.ts")).addCompletion,
  }),
);

/** First words that ask for the version alone. */
const versionWords: ReadonlySet<string> = new Set(["version", "--version", "-V"]);

/**
 * Adds the command that a command line names with its first word, or all of them: for the help, a completion, an option
 * before the command, an alias, and a slip whose error names what is near.
 *
 * @param argv Arguments without the executable's name.
 */
export async function addCommands(program: Command, io: CliIo, argv: readonly string[]): Promise<void> {
  const [first = ""] = argv;
  if (versionWords.has(first)) return;
  const named = commands.get(first);
  for (const load of named === undefined ? commands.values() : [named]) {
    const add = await load();
    for (const command of [await add(program, io, argv)].flat()) addGlobalOptions(command);
  }
}
