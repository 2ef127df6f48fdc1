/** Levels: how much the source of an imported file vouches for the file. */

/** From nothing to most. */
export const sourceLevels = ["none", "checksum", "signature", "provenance"] as const;
export type SourceLevel = (typeof sourceLevels)[number];

/** Levels that can be demanded. */
export const demandedLevels = ["checksum", "signature", "provenance"] as const;
export type DemandedLevel = (typeof demandedLevels)[number];

/** The least of several files' levels; undefined for nothing that vouches. */
export function lowestLevel(levels: readonly SourceLevel[]): DemandedLevel | undefined {
  const lowest = sourceLevels.find((one) => levels.includes(one));
  return lowest === "none" ? undefined : lowest;
}

export function fulfils(level: SourceLevel, demanded: SourceLevel): boolean {
  return sourceLevels.indexOf(level) >= sourceLevels.indexOf(demanded);
}
