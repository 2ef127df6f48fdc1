/** An in-process registry that says when it got its manifests, as Artifactory and Nexus do. */
import { altering } from "./in-process/faults/fault.ts";
import { inProcessRegistry } from "./in-process/for-tests.ts";
import type { InProcessRegistry } from "./in-process/registry.ts";

export interface AgedRegistry extends InProcessRegistry {
  /** What the registry says of each manifest; undefined: nothing. */
  readonly published: Map<string, Date>;
  /** What the registry says of every other manifest. */
  fallback: Date | undefined;
  /** The registry's clock; undefined: the right one. */
  clock: Date | undefined;
  /** The answer about a time waits for it. */
  until: Promise<void> | undefined;
  /** Requests by which the time of a manifest was asked for. */
  readonly timesAsked: () => number;
}

export const dayMs = 86_400_000;

export function daysAgo(days: number): Date {
  return new Date(Date.now() - days * dayMs);
}

export async function agedRegistry(): Promise<AgedRegistry> {
  const told: {
    published: Map<string, Date>;
    fallback: Date | undefined;
    clock: Date | undefined;
    until: Promise<void> | undefined;
  } = {
    published: new Map(),
    fallback: undefined,
    clock: undefined,
    until: undefined,
  };
  const registry = await inProcessRegistry(
    altering((request, before) => {
      const version = request.url.pathname.split("/manifests/")[1];
      if (version === undefined || before.status !== 200) return before;
      const at = told.published.get(before.headers["docker-content-digest"] ?? "") ?? told.fallback;
      const isTime = request.method === "HEAD" && version.startsWith("sha256:");
      return {
        ...before,
        ...(isTime && told.until !== undefined ? { manner: { ...before.manner, until: told.until } } : {}),
        headers: {
          ...before.headers,
          ...(at === undefined ? {} : { "last-modified": at.toUTCString() }),
          ...(told.clock === undefined ? {} : { date: told.clock.toUTCString() }),
        },
      };
    }),
  );
  const timesAsked = () =>
    registry.seen.filter(({ method, path }) => method === "HEAD" && path.includes("/manifests/sha256:")).length;
  return Object.assign(told, registry, { timesAsked });
}
