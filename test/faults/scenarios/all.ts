/** Every scenario, in the order of the table. */
import { lists, logins } from "./others.ts";
import { pulls } from "./pulls.ts";
import { pushes } from "./pushes.ts";
import type { Scenario } from "./scenario.ts";

export const scenarios: readonly Scenario[] = [...pulls, ...pushes, ...lists, ...logins];
