/** `doctor`: checks each step of a pull, with durations and hints. */
import { expandNamedReference } from "../artifact/resolve.ts";
import { checkArtifact, checkMirrors } from "../diagnosis/artifact.ts";
import { type Check, Examination } from "../diagnosis/examination.ts";
import { checkCache, checkConfiguration } from "../diagnosis/local.ts";
import { checkConnection, checkRegistry } from "../diagnosis/registry.ts";
import type { DiagnosisServices } from "../diagnosis/services.ts";
import type { OrasClientError } from "../errors.ts";
import type { Location } from "../model/location.ts";
import { askingForbidden } from "../registry/offline.ts";
import type { RegistryProbe } from "../registry/probe.ts";
import type { Run } from "../transfer/run.ts";

export interface Diagnosis {
  readonly reference: string;
  readonly checks: readonly Check[];
  /** Error of the first failed check. */
  readonly failure: OrasClientError | undefined;
}

const networkChecks = [
  "proxy",
  "dns",
  "connection",
  "registry",
  "clock",
  "credentials",
  "token",
  "manifest",
  "blob",
  "range",
  "referrers",
];

/**
 * @param onCheck Gets each check when it is done.
 * @throws {UsageError} for an invalid reference; later failures are part of the diagnosis
 * @throws {RegistryUnavailableError} `OFFLINE`, for a registry with `--offline`
 */
export async function diagnose(
  text: string,
  services: DiagnosisServices,
  run: Run,
  onCheck: (check: Check) => void,
): Promise<Diagnosis> {
  const expanded = expandNamedReference(text, undefined, services);
  const { reference, text: canonical } = expanded;
  const examination = new Examination(services, run, onCheck);
  await examination.check("configuration", () => checkConfiguration(services));
  await examination.check("cache", () => checkCache(services));
  const probe = await probeOf(reference.location, services);
  if (probe !== undefined && services.settings.isOffline) throw askingForbidden(`about ${canonical}`);
  const isReachable =
    probe === undefined ||
    ((await checkConnection(probe, examination, services, run)) &&
      (await checkRegistry(probe, examination, services, run)));
  const resolved = isReachable
    ? await checkArtifact({ reference: expanded, probe }, examination, services, run)
    : undefined;
  const seen = new Set(examination.checks.map(({ name }) => name));
  if (probe !== undefined) {
    for (const name of networkChecks) if (!seen.has(name)) examination.skip(name, "the registry cannot be reached");
  }
  const { mirrors } = services.open(reference.location);
  const digest = resolved?.manifestDigest ?? reference.digest;
  await checkMirrors({ mirrors, digest, blob: resolved?.manifest.layers[0] }, examination, run.signal);
  return { reference: canonical, checks: examination.checks, failure: examination.failure };
}

async function probeOf(location: Location, services: DiagnosisServices): Promise<RegistryProbe | undefined> {
  return location.kind === "registry" ? await services.probe(location) : undefined;
}
