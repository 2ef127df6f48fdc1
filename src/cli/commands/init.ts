import { type Command, InvalidArgumentError } from "commander";
import type * as v from "valibot";
import { errorCodes, UsageError } from "../../errors.ts";
import { printable } from "../../printable.ts";
import { addedLines, unifiedDiff } from "../../project/diff.ts";
import type { Plan } from "../../project/plan.ts";
import { applyPlan, planAdoption } from "../../verbs/init.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { code, type Part } from "../layout.ts";
import { readGlobalOptions } from "../options.ts";
import { ask } from "../prompt.ts";
import { runCommand } from "../run.ts";
import type { initSchema } from "../schemas/tools.ts";
import type { Shown } from "../show.ts";

interface InitOptions {
  readonly origin?: string;
  readonly commit?: string;
  readonly cell?: string;
  readonly dryRun?: boolean;
  readonly yes?: boolean;
}

function wordArgument(text: string): string {
  if (text === "") throw new InvalidArgumentError("The value is empty.");
  return text;
}

/** Facts beside the plan on which the texts depend. */
interface Circumstances {
  readonly isWritten: boolean;
  /** True for an executable without Node, whose user may be unable to run the one of the rules. */
  readonly isStandalone: boolean;
}

/** The command to type after this one. */
function nextOf({ changes, byHand, executable, tools }: Plan, { isWritten, isStandalone }: Circumstances): string {
  if (changes.length > 0 && !isWritten) return "next: the same command with --yes in place of --dry-run";
  if (byHand.some(({ isNeeded }) => isNeeded)) return "next: write the lines that are left to you";
  const [first] = tools;
  const own = isStandalone ? "buck2-oras" : `buck2 run ${executable} --`;
  return first === undefined
    ? `next: \`${own} lock add NAME REFERENCE\`, then \`${own} init\` for the tool's target`
    : `next: \`buck2 build ${first}\``;
}

function notesOf({ root, changes, byHand, present }: Plan, isWritten: boolean): readonly Part[] {
  const done = changes.map(({ name, before }) => `${before === undefined ? "created" : "extended"} ${name}`);
  const head = isWritten
    ? [`${root}: ${done.join(", ")}`]
    : changes.length === 0
      ? [`${root}: nothing to change`]
      : [`${root}: nothing was written`];
  const left = byHand.flatMap(({ file, why, lines }) => [
    `not done in ${file}: ${why}`,
    code(...lines.map((line) => `    ${line}`)),
  ]);
  return [...present.map((one) => `already there: ${one}`), ...left, ...head];
}

function shownPlan(plan: Plan, circumstances: Circumstances): Shown {
  const { isWritten } = circumstances;
  const { root, changes, byHand, present } = plan;
  const files = changes.map((change) => ({
    path: change.name,
    created: change.before === undefined,
    added: addedLines(change),
  }));
  const left = byHand.map(({ file, why, lines }) => ({ path: file, why, lines }));
  const json = jsonOf({ root, written: isWritten, files, byHand: left, present });
  const isLeft = byHand.some(({ isNeeded }) => isNeeded);
  return {
    text: [code(...changes.flatMap(unifiedDiff))],
    notes: notesOf(plan, isWritten),
    closingNotes: [nextOf(plan, circumstances)],
    json: json satisfies v.InferOutput<typeof initSchema>,
    ...(isLeft ? { exitCode: errorCodes.CONFIG_INVALID.exit } : {}),
  };
}

/** @throws {UsageError} nobody can be asked */
async function isConfirmed(plan: Plan, io: CliIo, signal: AbortSignal): Promise<boolean> {
  for (const line of plan.changes.flatMap(unifiedDiff)) io.stderr.write(`${printable(line)}\n`);
  if (io.stdin.isTTY !== true || io.stderr.isTTY !== true) {
    throw new UsageError("USAGE_INVALID", "nothing was written: the changes need your word", {
      hint: "add --yes to write these lines",
    });
  }
  const prompt = `Add these lines in ${plan.root}? [y/N]`;
  const answer = await ask(
    { what: "answer", prompt, isSecret: false, hint: "add --yes to write these lines" },
    io,
    signal,
  );
  return /^y(es)?$/i.test(answer.trim());
}

export function addInit(program: Command, io: CliIo): Command {
  return program
    .command("init")
    .summary("add buck2-oras to a Buck2 project")
    .description(
      "Adds to a Buck2 project what the rules need: the cell and the alias in .buckconfig, the toolchain, and tools/BUCK " +
        "with the locked tools. Shows the added lines and asks before writing. Existing lines never change; what " +
        "cannot be added is printed for you (exit code 78). A later call adds what is missing then, such as the " +
        "targets of new tools.",
    )
    .option("--origin <url>", "git repository of buck2-oras, for a new cell", wordArgument)
    .option("--commit <sha>", "commit of that repository, for a new cell", wordArgument)
    .option("--cell <name>", "name of the cell (default: the existing cell's, else oras)", wordArgument)
    .option("--dry-run", "show the lines, and write nothing")
    .option("-y, --yes", "write without asking")
    .action(async ({ origin, commit, cell, dryRun, yes }: InitOptions, command: Command) =>
      runCommand(command, io, async ({ services, run }) => {
        // Otherwise Node comes first.
        const isStandalone = io.launcher.length === 1;
        const plan = await planAdoption({ origin, commit, cell, isStandalone }, services, run);
        const shown = (isWritten: boolean) => shownPlan(plan, { isWritten, isStandalone });
        if (dryRun === true || plan.changes.length === 0) return shown(false);
        const { isJson } = readGlobalOptions(command);
        if (yes === true) {
          await applyPlan(plan, services, run);
          return shown(true);
        }
        if (isJson || !(await isConfirmed(plan, io, run.signal))) {
          throw new UsageError("USAGE_INVALID", "nothing was written: the changes were not confirmed", {
            hint: "add --yes to write them without a question",
          });
        }
        await applyPlan(plan, services, run);
        return { ...shown(true), text: [] };
      }),
    );
}
