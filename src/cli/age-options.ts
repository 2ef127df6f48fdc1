/** Options of commands that let versions into the lock: the demanded ages. */
import type { Command } from "commander";
import type { AgeOptions } from "../locking/age.ts";
import { ageArgument } from "./arguments.ts";

export interface GivenAges {
  readonly minAge?: number;
  readonly maxAge?: number;
}

/** @param young What happens to a version that is too young. */
export function addAgeOptions(command: Command, young: string): Command {
  return command
    .option("--min-age <age>", `${young}, such as 36h, 7d or 2w; in addition to policies`, ageArgument)
    .option("--max-age <age>", "refuse a version that is older", ageArgument);
}

export function ageOptions({ minAge, maxAge }: GivenAges): AgeOptions {
  return { minAgeMs: minAge, maxAgeMs: maxAge };
}
