/** Levels: how much the source of an imported file vouches for the file. */

/** From nothing to most. */
export const sourceLevels = ["none", "checksum", "signature", "provenance"] as const;
export type SourceLevel = (typeof sourceLevels)[number];

/** Levels that can be demanded. */
export const demandedLevels = ["checksum", "signature", "provenance"] as const;
export type DemandedLevel = (typeof demandedLevels)[number];

export function fulfils(level: SourceLevel, demanded: SourceLevel): boolean {
  return sourceLevels.indexOf(level) >= sourceLevels.indexOf(demanded);
}
