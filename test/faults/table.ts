/** `npm run faults`: what ours, `oras` and `crane` do with each fault, as a table and as `bench/faults.json`. */
import { execFileSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";
import { type Contender, type Outcome, ours, pullOnce } from "./contenders.ts";
import { blob, scenarios } from "./scenarios.ts";

const peers: Readonly<Record<string, { readonly version: readonly string[]; readonly pull: Contender }>> = {
  oras: {
    version: ["oras", "version"],
    pull: (host, dir) => ({ command: ["oras", "pull", "--plain-http", `${host}/t/tool:1`, "-o", join(dir, "out")] }),
  },
  crane: {
    version: ["crane", "version"],
    pull: (host, dir) => ({
      command: ["crane", "pull", "--insecure", "--format=oci", `${host}/t/tool:1`, join(dir, "out")],
    }),
  },
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

function cell({ exitCode, isWhole, seconds, blobBytes }: Outcome): string {
  const ended = exitCode === undefined ? "hangs" : isWhole && exitCode === 0 ? "ok" : `exit ${exitCode}`;
  return `${ended}, ${seconds.toFixed(1)} s, ${(blobBytes / blob.length).toFixed(2)}×`;
}

/** @param executable Path of ours. @param resultsFile Path of the JSON that is written. */
export async function printFaults(executable: string, resultsFile: string): Promise<void> {
  const versions: Record<string, string> = {};
  const contenders: Record<string, Contender> = { "buck2-oras": ours(executable) };
  for (const [name, { version, pull }] of Object.entries(peers)) {
    const found = versionOf(version);
    if (found === undefined) console.log(`${name} is not installed and left out`);
    else {
      contenders[name] = pull;
      versions[name] = found;
    }
  }
  const results: Record<string, Record<string, Omit<Outcome, "stderr">>> = {};
  console.log(
    `Each cell: how it ended, after how long, blob bytes sent as a multiple of the blob (${blob.length} bytes).\n`,
  );
  console.log(`| fault | ${Object.keys(contenders).join(" | ")} |`);
  console.log(`|---|${"---|".repeat(Object.keys(contenders).length)}`);
  for (const scenario of scenarios) {
    const row: Record<string, Omit<Outcome, "stderr">> = {};
    const cells: string[] = [];
    for (const [name, contender] of Object.entries(contenders)) {
      const { stderr: _, ...outcome } = await pullOnce(scenario, contender);
      row[name] = outcome;
      cells.push(cell({ ...outcome, stderr: "" }));
    }
    results[scenario.name] = row;
    console.log(`| ${scenario.name} | ${cells.join(" | ")} |`);
  }
  const machine = { node: process.version, cpus: cpus().length, versions };
  writeFileSync(resultsFile, `${JSON.stringify({ ...machine, blobBytes: blob.length, results }, null, 2)}\n`);
}
