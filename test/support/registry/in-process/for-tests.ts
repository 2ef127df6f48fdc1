/** The in-process registry for the length of a test. */
import { whenTestEnds } from "../../test-end.ts";
import type { Fault } from "./faults/fault.ts";
import { type InProcessRegistry, startInProcessRegistry } from "./registry.ts";

export async function inProcessRegistry(...faults: readonly Fault[]): Promise<InProcessRegistry> {
  const registry = await startInProcessRegistry(...faults);
  whenTestEnds(registry.close);
  return registry;
}
