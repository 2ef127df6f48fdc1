/** Choice of a setting's value among its sources. */

/** A possible source of one setting. */
export interface Candidate<T> {
  readonly foundIn: string;
  readonly value: T | undefined;
}

/** Picks values and records their sources. */
export class Picker {
  readonly foundIn: Record<string, string> = {};

  pick<T>(name: string, candidates: readonly Candidate<T>[]): T | undefined {
    const found = candidates.find(({ value }) => value !== undefined);
    this.foundIn[name] = found?.foundIn ?? "default";
    return found?.value;
  }

  /** Picks the union of all sources. */
  join<T>(name: string, candidates: readonly Candidate<readonly T[]>[]): T[] {
    const found = candidates.filter(({ value }) => value !== undefined && value.length > 0);
    this.foundIn[name] = found.map(({ foundIn }) => foundIn).join(", ") || "default";
    return found.flatMap(({ value }) => value ?? []);
  }
}
