import type { Command } from "commander";
import type * as v from "valibot";
import type { Check, CheckStatus } from "../../diagnosis/examination.ts";
import { printable } from "../../printable.ts";
import { type Diagnosis, diagnose } from "../../verbs/doctor.ts";
import type { Colour } from "../colour.ts";
import { withCommand } from "../command-name.ts";
import { plural } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand } from "../run.ts";
import type { doctorSchema } from "../schemas/machine.ts";
import type { Shown } from "../show.ts";
import { wrapLast } from "../wrap.ts";

const colours: Readonly<Record<CheckStatus, Colour>> = {
  ok: "green",
  warning: "yellow",
  failed: "red",
  skipped: "dim",
};
/** Columns of the longest name, of the longest status, and of a duration of five digits. */
const [nameColumns, statusColumns, durationColumns] = [13, 7, 8];

/** A check's row. Rows are printed one by one, so that the widths are fixed. */
function rowOf({ name, status, durationMs, detail }: Check, { stdout, paint }: CliIo): readonly string[] {
  const [first, duration] = [name.padEnd(nameColumns), `${durationMs} ms`.padEnd(durationColumns)];
  const head = `${first}  ${status.padEnd(statusColumns)}  ${duration}  `;
  const lines = wrapLast(head, printable(detail), stdout.columns);
  const painted = `${first}  ${paint(colours[status], status)}`;
  return lines.map((line, index) => (index === 0 ? painted + line.slice(first.length + 2 + status.length) : line));
}

/** Each hint once, with the names of its checks. */
function hintsOf(checks: readonly Check[], command: string): readonly string[] {
  const names = new Map<string, string[]>();
  for (const { name, hint } of checks) {
    if (hint !== undefined) names.set(hint, [...(names.get(hint) ?? []), name]);
  }
  return [...names].map(([hint, of]) => `hint (${of.join(", ")}): ${withCommand(hint, command)}`);
}

function verdictOf({ reference, checks, failure }: Diagnosis): string {
  const count = (wanted: CheckStatus): number => checks.filter(({ status }) => status === wanted).length;
  const first = checks.find(({ status }) => status === "failed");
  if (failure !== undefined && first !== undefined) {
    return `${count("failed")} of ${checks.length} checks failed, ${first.name} first: a pull of ${reference} would fail`;
  }
  const warnings = count("warning") === 0 ? "" : `, with ${plural(count("warning"), "warning")}`;
  return `No check failed${warnings}: a pull of ${reference} works from here`;
}

function show(diagnosis: Diagnosis, command: string): Shown {
  const { reference, checks, failure } = diagnosis;
  const json = jsonOf({ reference, healthy: failure === undefined, checks }) satisfies v.InferOutput<
    typeof doctorSchema
  >;
  return { text: [...hintsOf(checks, command), verdictOf(diagnosis)], json, exitCode: failure?.exitCode ?? 0 };
}

export function addDoctor(program: Command, io: CliIo): Command {
  return program
    .command("doctor")
    .summary("find out why a pull fails")
    .description(
      "Checks each step of a pull: configuration, cache folder, proxy, DNS, connection and certificate, " +
        "registry, clock, credentials (their source, never their value), token service, manifest, blob, resuming, " +
        "referrers, mirrors. Exits with the code of the first failed check.",
    )
    .argument("<ref>", "reference to check: HOST/REPO:TAG, REPO:TAG, or oci:DIR:TAG")
    .action(async (reference: string, _options: object, command: Command) =>
      runCommand(command, io, async ({ services, run, printNow }) =>
        show(await diagnose(reference, services, run, (check) => printNow(rowOf(check, io))), io.command),
      ),
    );
}
