/** Faults that registries and networks have, each with what is to come of a pull that meets it. */
import { randomFillSync } from "node:crypto";
import type { Fault } from "../support/registry/in-process/faults.ts";
import * as faults from "../support/registry/in-process/faults.ts";

export interface Scenario {
  readonly name: string;
  /** Made anew for each pull: they count. */
  readonly faults: (surroundings: ScenarioSurroundings) => readonly Fault[];
  /** Exit code of ours. */
  readonly exitCode: number;
  /** Blob bytes that may be sent in all, as a multiple of the blob; 1 is no byte twice. */
  readonly maxTransfers: number;
}

export interface ScenarioSurroundings {
  /** Another server with the same blob, which refuses an Authorization header: the storage behind a registry. */
  readonly storageOrigin: string;
}

/** The one blob of all scenarios: not compressible, and the same in each run. */
export const blob: Buffer = randomFillSync(Buffer.alloc(6 * 1024 * 1024));
const third = Math.floor(blob.length / 3);

function survived(name: string, make: Scenario["faults"], maxTransfers = 1): Scenario {
  return { name, faults: make, exitCode: 0, maxTransfers };
}

function refused(name: string, exitCode: number, make: Scenario["faults"], maxTransfers = 1): Scenario {
  return { name, faults: make, exitCode, maxTransfers };
}

/** As HTTP dates are: to the second, so up to one less than asked for. */
function inSeconds(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toUTCString();
}

export const scenarios: readonly Scenario[] = [
  survived("no fault", () => []),
  survived("connection cut in mid-blob, once", () => [faults.cutBody(third, 1)]),
  survived("connection cut in mid-blob, six times", () => [faults.cutBody(1_000_000, 6)]),
  survived("connection cut before the answer, twice", () => [faults.cutBeforeHead(2)]),
  survived("blob ends early, no length stated", () => [faults.endEarly(third, 1)]),
  survived("blob stalls once (idle timeout 2 s)", () => [faults.stallBody(third, 1)]),
  survived("manifest cut in the middle, once", () => [faults.cutBody(40, 1, faults.manifestReads)]),
  survived("503 twice, for the blob", () => [faults.answerStatus(503, 2)]),
  survived("502 three times, for the manifest", () => [faults.answerStatus(502, 3, undefined, faults.manifestReads)]),
  survived("429, Retry-After: 4", () => [faults.answerStatus(429, 1, "4")]),
  survived("503, Retry-After as a date in 4 s", () => [faults.answerStatus(503, 1, inSeconds(4))]),
  survived("cut, and a Range is answered with 200", () => [faults.cutBody(third, 1), faults.ignoreRange(blob)], 1.4),
  survived("cut, and a Range is answered with 416", () => [faults.cutBody(third, 1), faults.refuseRange(416)], 1.4),
  survived("cut, and a Range is answered with 400", () => [faults.cutBody(third, 1), faults.refuseRange(400)], 1.4),
  survived("cut, and 206 has another range", () => [faults.cutBody(third, 1), faults.shiftRange()], 2.1),
  survived("redirect to a relative signed address", () => [faults.redirectBlobs("")]),
  survived("login, redirect to storage that refuses a login", ({ storageOrigin }) => [
    faults.demandBasic("user", "secret"),
    faults.redirectBlobs(storageOrigin),
  ]),
  survived("no Docker-Content-Digest header", () => [faults.noDigestHeader()]),
  survived("404 without OCI's Accept types", () => [faults.demandAccept()]),
  refused("blob of other bytes", 65, () => [faults.changeBody()]),
  refused("manifest is a web page, status 200", 65, () => [faults.webPage(faults.manifestReads)]),
  refused("connection cut each time", 69, () => [faults.cutBody(0, 1000)]),
  refused("429, Retry-After: 3600 (timeout 20 s)", 75, () => [faults.answerStatus(429, 1000, "3600")]),
];
