/** Versions of the ecosystems' clients, for provenance. */
import { go } from "./go-program.ts";
import { mvn } from "./maven.ts";
import { npm } from "./npm-client.ts";
import { pip } from "./pypi.ts";
import { type ClientProgram, runClient } from "./run.ts";
import type { ImporterServices } from "./source.ts";

interface VersionCall {
  readonly program: ClientProgram;
  readonly args: readonly string[];
  /** Name in the provenance. */
  readonly name: string;
}

const calls: ReadonlyMap<string, VersionCall> = new Map([
  ["npm", { program: npm, args: ["--version"], name: "npm" }],
  ["pypi", { program: pip, args: ["-m", "pip", "--version"], name: "pip" }],
  ["maven", { program: mvn, args: ["--version"], name: "maven" }],
  ["go", { program: go, args: ["version"], name: "go" }],
]);

/** The number alone: pip and Maven also print paths of the machine. */
const versionPattern = /\b(?:go)?([0-9]+(?:\.[0-9]+)+(?:[-+.]?[0-9A-Za-z]{1,20}){0,3})/;

/**
 * @param scheme First part of the import's source, such as `npm`.
 * @returns The client's name and version; none for a source without a client, and for a client that states no version.
 */
export async function clientVersion(
  scheme: string,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<Readonly<Record<string, string>>> {
  const call = calls.get(scheme);
  if (call === undefined) return {};
  const { program, args, name } = call;
  const { stdout } = await runClient(program, { args, env: {}, what: `${name}: version` }, services, signal);
  const [firstLine = ""] = stdout.split("\n", 1);
  const [, found] = versionPattern.exec(firstLine) ?? [];
  return found === undefined ? {} : { [name]: found };
}
