/** The versions of a package on PyPI, asked for once where a wheel is missing. */
import { packageAbsent, versionAbsent } from "./absent.ts";
import type { ClientRun } from "./run.ts";

/** Whether the index has a version. */
export type Stated =
  | { readonly is: "known" }
  | { readonly is: "absent"; readonly known: readonly string[] }
  | { readonly is: "no package" };

/** pip asks the index's page of a package. */
const noPage = /Could not fetch URL \S+: 404 /;
const otherFault = /Could not fetch URL (?!\S+: 404 )/;

/** A plain release number without its final zeros; undefined for pre-releases and others, which have many spellings. */
function release(version: string): string | undefined {
  if (!/^v?[0-9]+(?:\.[0-9]+)*$/.test(version)) return undefined;
  const parts = version.replace(/^v/, "").split(".").map(Number);
  while (parts.length > 1 && parts.at(-1) === 0) parts.pop();
  return parts.join(".");
}

/**
 * Reads the answer of `pip index versions -vv`, which lists versions with a wheel for one of the platforms.
 *
 * @returns `known` also where the answer does not tell: an older pip, or an index that fails.
 */
export function statedVersions({ exitCode, stdout, output }: ClientRun, version: string): Stated {
  if (otherFault.test(output)) return { is: "known" };
  if (exitCode !== 0) {
    const isAbsent = output.includes("No matching distribution found") && noPage.test(output);
    return isAbsent ? { is: "no package" } : { is: "known" };
  }
  const wanted = release(version);
  const listed = /^Available versions: (.+)$/m
    .exec(stdout)?.[1]
    ?.split(", ")
    .map((one) => one.trim());
  if (wanted === undefined || listed === undefined) return { is: "known" };
  return listed.some((one) => release(one) === wanted) ? { is: "known" } : { is: "absent", known: listed };
}

/** @throws {ArtifactNotFoundError} the index has no such package or version */
export function checkStated(stated: Stated, name: string, version: string): void {
  const look = "check the name; a private index belongs into pip's configuration";
  if (stated.is === "no package") throw packageAbsent(`pypi:${name}`, look);
  if (stated.is === "absent") throw versionAbsent({ source: `pypi:${name}`, version, known: stated.known }, look);
}
