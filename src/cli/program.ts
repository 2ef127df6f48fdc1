/** The command line as a whole: commands, global options, usage errors. */
import { Command, CommanderError } from "commander";
import { UsageError } from "../errors.ts";
import { version } from "../version.ts";
import { addBlob } from "./commands/blob.ts";
import { addClearCache } from "./commands/clear-cache.ts";
import { addCompletion } from "./commands/completion.ts";
import { addConfig } from "./commands/config.ts";
import { addCopy } from "./commands/copy.ts";
import { addDoctor } from "./commands/doctor.ts";
import { addExtract } from "./commands/extract.ts";
import { addImport } from "./commands/import.ts";
import { addInfo } from "./commands/info.ts";
import { addList } from "./commands/list.ts";
import { addLock } from "./commands/lock.ts";
import { addLogin, addLogout } from "./commands/login.ts";
import { addPlatform } from "./commands/platform.ts";
import { addPrune } from "./commands/prune.ts";
import { addPull } from "./commands/pull.ts";
import { addPush } from "./commands/push.ts";
import { addTag } from "./commands/tag.ts";
import { addVerify } from "./commands/verify.ts";
import type { CliIo } from "./io.ts";
import { addGlobalOptions, withExplicitValues } from "./options.ts";

const examples = `
Examples:
  buck2-oras pull ghcr.io/acme/tools/protoc:33.0 -o tools
  buck2-oras lock add protoc ghcr.io/acme/tools/protoc:33.0
  buck2-oras push localhost:5000/tools/protoc:33.0 --platform linux-x86_64=./protoc

Exit codes: 0 done, 64 usage, 65 verification failed, 66 not found, 69 registry unavailable, 74 local files,
75 timed out, 77 authentication, 78 configuration.`;

/** Builds the program; `argv` is looked at only to load what one command needs. */
export async function createProgram(io: CliIo, argv: readonly string[]): Promise<Command> {
  const program = new Command("buck2-oras")
    .description("Fetches build tools from OCI registries: pinned by digest, verified, cached.")
    .version(`buck2-oras ${version}`, "--version", "print the version")
    .usage("[options] <command>")
    .addHelpText("after", examples)
    .exitOverride()
    .configureOutput({
      writeOut: (text) => void io.stdout.write(text),
      // A usage error is printed with all others, in one place.
      writeErr: () => {},
      outputError: () => {},
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
    });
  addGlobalOptions(program);
  const commands = [
    addPull(program, io),
    addBlob(program, io),
    addExtract(program, io),
    addList(program, io),
    addInfo(program, io),
    addVerify(program, io),
    addClearCache(program, io),
    addPlatform(program, io),
    addConfig(program, io),
    ...addLock(program, io),
    addPush(program, io),
    addCopy(program, io),
    addImport(program, io),
    addTag(program, io),
    addPrune(program, io),
    addLogin(program, io),
    addLogout(program, io),
    addDoctor(program, io),
  ];
  for (const command of commands) addGlobalOptions(command);
  await addCompletion(program, argv);
  return program;
}

/** Commander's complaint in our words; undefined when it only printed the help or the version that was asked for. */
function usageError(error: CommanderError): UsageError | undefined {
  if (error.exitCode === 0) return undefined;
  if (error.code === "commander.help") {
    return new UsageError("USAGE_INVALID", "no command was given", { hint: "`buck2-oras --help` lists the commands" });
  }
  const [message = "", suggestion] = error.message.replace(/^error: /, "").split("\n");
  return new UsageError("USAGE_INVALID", message, {
    hint: suggestion?.replace(/^\(|\)$/g, "") || "`buck2-oras --help` shows how it is called",
  });
}

/**
 * Runs one command line.
 *
 * @param argv Arguments without the executable's name.
 * @throws {OrasClientError} whatever went wrong; nothing was printed about it yet
 */
export async function runCli(argv: readonly string[], io: CliIo): Promise<void> {
  const program = await createProgram(io, argv);
  try {
    await program.parseAsync(withExplicitValues(argv), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const usage = usageError(error);
    if (usage !== undefined) throw usage;
  }
}
