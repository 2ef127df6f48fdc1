/** The dependencies of `doctor`'s checks. */
import type { ArtifactDeps } from "../artifact/deps.ts";
import type { RegistryLocation } from "../model/reference.ts";
import type { RegistryProbe } from "../registry/probe.ts";

export interface DiagnosisDeps extends ArtifactDeps {
  /** Requests that `doctor` alone makes. */
  readonly probe: (location: RegistryLocation) => RegistryProbe;
}
