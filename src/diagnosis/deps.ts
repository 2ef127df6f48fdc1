/** What the checks of `doctor` work with. */
import type { ArtifactDeps } from "../artifact/deps.ts";
import type { RegistryLocation } from "../model/reference.ts";
import type { RegistryProbe } from "../registry/probe.ts";

export interface DiagnosisDeps extends ArtifactDeps {
  /** What only `doctor` asks of a registry. */
  readonly probe: (location: RegistryLocation) => RegistryProbe;
}
