/** The real registries of a machine, each for the length of a test; a test without its program is skipped by name. */
import { startDockerRegistry } from "./docker-registry.ts";
import { requireProgram, type Skippable } from "./peers.ts";
import { startZot } from "./zot.ts";

export type RealRegistry = "docker-registry" | "registry" | "zot";

/** Debian's distribution 2, distribution 3, and zot; only zot has a referrers API. */
export const realRegistries: readonly RealRegistry[] = ["docker-registry", "registry", "zot"];

interface RealContext extends Skippable {
  readonly onTestFinished: (stop: () => Promise<void>) => void;
}

/** @returns `localhost:PORT` */
export async function startRealRegistry(name: RealRegistry, context: RealContext): Promise<string> {
  const program = requireProgram(context, name);
  const started = name === "zot" ? await startZot(program) : await startDockerRegistry(program);
  context.onTestFinished(started.stop);
  return started.host;
}
