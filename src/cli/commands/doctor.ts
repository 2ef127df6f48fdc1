import type { Command } from "commander";
import type * as v from "valibot";
import { type Diagnosis, diagnose } from "../../verbs/doctor.ts";
import { formatTable } from "../format.ts";
import type { CliIo } from "../io.ts";
import { jsonOf } from "../json.ts";
import { runCommand, type Shown } from "../run.ts";
import type { doctorSchema } from "../schemas.ts";

function show({ reference, checks, failure }: Diagnosis): Shown {
  const rows = checks.map(({ name, status, durationMs, detail }) => [name, status, `${durationMs} ms`, detail]);
  const hints = checks.flatMap(({ name, hint }) => (hint === undefined ? [] : [`hint (${name}): ${hint}`]));
  const failed = checks.filter(({ status }) => status === "failed").length;
  const json = jsonOf({ reference, healthy: failure === undefined, checks }) satisfies v.InferOutput<
    typeof doctorSchema
  >;
  const verdict = failure === undefined ? [] : [`${failed} of ${checks.length} checks failed`];
  const text = [...formatTable(rows), ...hints, ...verdict];
  return { text, json, exitCode: failure?.exitCode ?? 0 };
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
      runCommand(command, io, async ({ services, run }) => show(await diagnose(reference, services, run))),
    );
}
