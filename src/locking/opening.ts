/** Locations of a lock's tools, before the first request. */
import { expandReference } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import type { LockedTool } from "../lockfile/schema.ts";
import { layoutsOfLock, openingFromLock } from "./layouts.ts";

/** Services that open a lock's layout folders from the lock's own folder. */
export async function servicesOfLock<Given extends Services>(file: string, services: Given): Promise<Given> {
  return { ...services, open: openingFromLock(await layoutsOfLock(file, services), services.open) };
}

/** Opens every location before the first request, so that an ambiguous `--plain-http` is refused first. */
export function openAll(
  tools: readonly (readonly [string, LockedTool])[],
  services: Pick<Services, "context" | "noteNamed" | "open" | "settings">,
): void {
  for (const [, { reference }] of tools)
    services.open(expandReference(reference, undefined, services).reference.location);
}
