/** The services that `doctor`'s checks need. */
import type { Services } from "../artifact/services.ts";
import type { RegistryLocation } from "../model/location.ts";
import type { RegistryProbe } from "../registry/probe.ts";

export interface DiagnosisServices extends Services {
  /** Requests that `doctor` alone makes. */
  readonly probe: (location: RegistryLocation) => Promise<RegistryProbe>;
}
