/** A fault, or several, with what is to come of whoever meets them. */
import { randomFillSync } from "node:crypto";
import type { Fault } from "../../support/registry/in-process/faults/fault.ts";

export type Operation = "pull" | "push" | "list" | "login";

export interface Scenario {
  readonly operation: Operation;
  readonly name: string;
  /** Of the registry; made anew for each run, since they count. */
  readonly faults: (surroundings: ScenarioSurroundings) => readonly Fault[];
  /** Of a mirror that is configured; undefined: there is none. */
  readonly mirrorFaults?: () => readonly Fault[];
  /** What the docker config has for the registry; left out, a user and a password. */
  readonly credentials?: Readonly<Record<string, string>>;
  /** Exit code of ours. */
  readonly exitCode: number;
  /** Bytes of the blob that may be sent in all, as a multiple of it; 1 is no byte twice. */
  readonly maxTransfers: number;
}

export interface ScenarioSurroundings {
  /** Another server with the same blob, which refuses an Authorization header: the storage behind a registry. */
  readonly storageOrigin: string;
}

/** The one blob of all scenarios: not compressible, and the same in each run. */
export const blob: Buffer = randomFillSync(Buffer.alloc(6 * 1024 * 1024));

type Rest = Partial<Pick<Scenario, "maxTransfers" | "mirrorFaults" | "credentials">>;

export function survived(operation: Operation, name: string, faults: Scenario["faults"], rest: Rest = {}): Scenario {
  return { operation, name, faults, exitCode: 0, maxTransfers: 1, ...rest };
}

/** @param expected The exit code, or the exit code with more of the scenario. */
export function refused(
  operation: Operation,
  name: string,
  expected: number | ({ readonly exitCode: number } & Rest),
  faults: Scenario["faults"],
): Scenario {
  const outcome = typeof expected === "number" ? { exitCode: expected } : expected;
  return { operation, name, faults, maxTransfers: 1, ...outcome };
}

/** As HTTP dates are: to the second, so up to one less than asked for. */
export function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toUTCString();
}
