/** `npm run faults`: what ours, `oras` and `crane` do with each fault, as tables and as `bench/faults.json`. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { type Contender, craneProgram, orasProgram, ours } from "./contenders.ts";
import { meet, type Outcome } from "./meet.ts";
import { scenarios } from "./scenarios/all.ts";
import { blob, type Operation } from "./scenarios/scenario.ts";

const peers: Readonly<Record<string, { readonly version: readonly string[]; readonly contender: Contender }>> = {
  oras: { version: ["oras", "version"], contender: orasProgram },
  crane: { version: ["crane", "version"], contender: craneProgram },
};

function versionOf([program = "", ...args]: readonly string[]): string | undefined {
  try {
    return execFileSync(program, args, { encoding: "utf8" })
      .split("\n")[0]
      ?.replace(/^Version:\s*/, "");
  } catch {
    return undefined;
  }
}

function cell(operation: Operation, outcome: Outcome | undefined): string {
  if (outcome === undefined) return "has none";
  const { exitCode, isDone, seconds, blobBytes } = outcome;
  const failed = exitCode === 0 ? "exit 0, not done" : `exit ${exitCode}`;
  const ended = exitCode === undefined ? "hangs" : isDone && exitCode === 0 ? "ok" : failed;
  const transfers = operation === "pull" || operation === "push" ? `, ${(blobBytes / blob.length).toFixed(2)}×` : "";
  return `${ended}, ${seconds.toFixed(1)} s${transfers}`;
}

type Figures = Omit<Outcome, "output" | "seen">;

/**
 * @param executable Path of ours.
 * @param resultsFile Path of the JSON that is written.
 * @returns The tables, in Markdown.
 */
export async function printFaults(executable: string, resultsFile: string): Promise<string> {
  const lines: string[] = [];
  const say = (line: string): void => {
    console.log(line);
    lines.push(line);
  };
  const versions: Record<string, string> = {};
  const contenders: Record<string, Contender> = { "buck2-oras": ours(executable) };
  for (const [name, { version, contender }] of Object.entries(peers)) {
    const found = versionOf(version);
    if (found === undefined) console.log(`${name} is not installed and left out`);
    else {
      contenders[name] = contender;
      versions[name] = found;
    }
  }
  const results: Record<string, Record<string, Record<string, Figures>>> = {};
  for (const operation of ["pull", "push", "list", "login"] as const) {
    const rows: Record<string, Record<string, Figures>> = {};
    results[operation] = rows;
    if (lines.length > 0) say("");
    say(`| ${operation} | ${Object.keys(contenders).join(" | ")} |`);
    say(`|---|${"---|".repeat(Object.keys(contenders).length)}`);
    for (const scenario of scenarios.filter((one) => one.operation === operation)) {
      const row: Record<string, Figures> = {};
      const cells: string[] = [];
      for (const [name, contender] of Object.entries(contenders)) {
        const outcome = await meet(scenario, contender);
        cells.push(cell(operation, outcome));
        if (outcome === undefined) continue;
        const { output: _, seen: __, ...figures } = outcome;
        row[name] = figures;
      }
      rows[scenario.name] = row;
      say(`| ${scenario.name} | ${cells.join(" | ")} |`);
    }
  }
  const machine = { node: process.version, cpus: cpus().length, versions };
  writeFileSync(resultsFile, `${JSON.stringify({ ...machine, blobBytes: blob.length, results }, null, 2)}\n`);
  return lines.join("\n");
}
