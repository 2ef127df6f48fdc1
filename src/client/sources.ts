/** Goes through where content may be had by digest: the mirrors in their order, then the source itself. */
import { asError } from "../errors.ts";
import type { Source } from "../model/source.ts";
import type { ClientDeps } from "./deps.ts";

/** The disk here is full or read-only: no other source changes that. */
const localFault = 74;
/** It has not got this one thing, and may have the next. */
const absence = 66;
/** Of the host, whatever repository was asked for. */
const networkFaults: ReadonlySet<number> = new Set([69, 75]);

/** What mirrors have failed, so that they are not tried for each blob again; lives as long as the command. */
export class MirrorHealth {
  readonly #failed = new Set<string>();

  isFit(mirror: Source): boolean {
    return !this.#failed.has(mirror.name) && !this.#failed.has(hostOf(mirror));
  }

  note(mirror: Source, exitCode: number): void {
    if (exitCode === absence) return;
    this.#failed.add(networkFaults.has(exitCode) ? hostOf(mirror) : mirror.name);
  }
}

function hostOf({ name }: Source): string {
  return name.split("/", 1)[0] ?? name;
}

/**
 * Does `work` with the first source that it succeeds with. Whatever a mirror does wrong is not the caller's trouble as long as another
 * source is left; the error of the source itself is the one that is thrown.
 */
export async function fromFirst<T>(
  source: Source,
  work: (from: Source) => Promise<T>,
  deps: Pick<ClientDeps, "mirrorHealth" | "context">,
  signal: AbortSignal,
): Promise<T> {
  const { mirrorHealth, context } = deps;
  for (const mirror of source.mirrors.filter((one) => mirrorHealth.isFit(one))) {
    try {
      return await work(mirror);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asError(thrown);
      if (error.exitCode === localFault) throw error;
      // Of several that asked it at once, one says so.
      const isNews = mirrorHealth.isFit(mirror);
      mirrorHealth.note(mirror, error.exitCode);
      context.log[isNews ? "warn" : "debug"](`the mirror ${mirror.name} failed: ${error.message}`);
    }
  }
  return await work(source);
}
