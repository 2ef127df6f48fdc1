import type { Command } from "commander";
import type * as v from "valibot";
import { findToolProgram, type ProgramRequest } from "../../verbs/run.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { code } from "../layout.ts";
import { lockOption, lockOwnersOption, projectOfLock } from "../lock-option.ts";
import { readGlobalOptions } from "../options.ts";
import { runCommand } from "../run.ts";
import type { whichSchema } from "../schemas/tools.ts";

interface LockOptions {
  readonly lock?: string;
  readonly lockOwners?: readonly number[];
}

function requestOf(tool: string, { lock, lockOwners }: LockOptions): ProgramRequest {
  return { lock, lockOwners, tool };
}

export function addRun(program: Command, io: CliIo): Command {
  return program
    .command("run")
    .summary("run a locked tool")
    .description(
      "Runs a tool of the lock on this machine: fetched when first used, and verified at every use. Streams, signals " +
        "and the exit code are the tool's, and so is every word after the tool's name.",
    )
    .argument("<tool>", "name of the tool in the lock")
    .argument("[args...]", "arguments of the tool")
    .option(...lockOption)
    .option(...lockOwnersOption)
    .action(async (tool: string, args: string[], options: LockOptions, command: Command) => {
      const { overrides, verbosity } = readGlobalOptions(command);
      // The limit of the whole command ends with the fetch: the tool may run for days.
      const found = await io.withSession(
        { ...overrides, showsLeftOut: true, projectFrom: projectOfLock(options) },
        verbosity,
        ({ services, run }) => findToolProgram(requestOf(tool, options), services, run),
      );
      await io.runProgram(found.path, args);
    });
}

export function addWhich(program: Command, io: CliIo): Command {
  return program
    .command("which")
    .summary("print the path of a locked tool")
    .description(
      "Prints the path of a locked tool's program on this machine: fetched when first used, and verified now. For " +
        "editors and scripts; the path changes with the tool's content.",
    )
    .argument("<tool>", "name of the tool in the lock")
    .option(...lockOption)
    .option(...lockOwnersOption)
    .action(async (tool: string, options: LockOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        const found = await findToolProgram(requestOf(tool, options), services, run);
        return { text: [code(found.path)], json: jsonOf(found) satisfies v.InferOutput<typeof whichSchema> };
      }),
    );
}
