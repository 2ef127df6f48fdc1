/** The errors for a package or a version that an ecosystem does not have. */
import { ArtifactNotFoundError } from "../errors.ts";

export interface Absent {
  /** The package, with its scheme: `npm:esbuild`. */
  readonly source: string;
  readonly version: string;
  /** Existing versions, the newest first, as the registry states them. */
  readonly known: readonly string[];
}

/** Versions that an error names. */
const maxNamed = 5;
const namable = /^[A-Za-z0-9.!+_-]{1,60}$/;

/** @param otherwise A hint, beginning with a verb, where no version is known. */
export function versionAbsent({ source, version, known }: Absent, otherwise: string): ArtifactNotFoundError {
  const named = known.filter((one) => namable.test(one)).slice(0, maxNamed);
  return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `${source} has no version ${version}`, {
    hint: named.length === 0 ? otherwise : `choose an existing version; the newest are ${named.join(", ")}`,
  });
}

/** @param hint Beginning with a verb. */
export function packageAbsent(source: string, hint: string): ArtifactNotFoundError {
  return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `there is no package ${source}`, { hint });
}
