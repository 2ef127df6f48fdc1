/** `lock check --online`: which tags mean something else now than the lock says. */
import { ArtifactNotFoundError } from "../errors.ts";
import type { Lock, LockedTool } from "../lock/schema.ts";
import type { Digest } from "../model/digest.ts";
import { isTemplate } from "../model/reference.ts";
import type { ClientDeps } from "./deps.ts";
import { inParallel } from "./parallel.ts";
import { expandReference, versionOf } from "./resolve.ts";

export interface LockedTag {
  readonly tool: string;
  /** As asked for, the template filled in. */
  readonly reference: string;
  readonly locked: Digest;
  /** Undefined: it is gone. */
  readonly current: Digest | undefined;
}

interface Asked {
  readonly reference: string;
  readonly locked: Digest;
}

function askedOf(tool: LockedTool): readonly Asked[] {
  if (!isTemplate(tool.reference))
    return tool.digest === undefined ? [] : [{ reference: tool.reference, locked: tool.digest }];
  return Object.entries(tool.platforms).map(([platform, { manifest }]) => ({
    reference: tool.reference.replaceAll("{platform}", platform),
    locked: manifest,
  }));
}

/** Every reference of the lock with what it means now. */
export async function lookUpTags(lock: Lock, deps: ClientDeps, signal: AbortSignal): Promise<readonly LockedTag[]> {
  const asked = Object.entries(lock.tools).flatMap(([tool, locked]) =>
    askedOf(locked).map((one) => ({ tool, ...one })),
  );
  return await inParallel(asked, signal, async (one, either) => {
    const { reference } = expandReference(one.reference, undefined, deps);
    try {
      const source = deps.open(reference.location);
      const current = await deps.limitTransfers(() => source.resolve(versionOf(reference), either));
      return { ...one, current };
    } catch (error) {
      if (error instanceof ArtifactNotFoundError) return { ...one, current: undefined };
      throw error;
    }
  });
}
