/** Counts what a command transferred, and passes the progress on. */
import type { Progress } from "../context.ts";
import { formatBytes } from "./format.ts";
import { formatCost } from "./transfer-lines.ts";

export interface Meter extends Progress {
  /** Text for the end of a command; undefined if nothing was fetched, or a line has already told it. */
  cost(): string | undefined;
  /** Hint for an interrupted command; undefined if no transfer had begun. */
  keptHint(): string | undefined;
}

/** @param tellsEach True if `progress` prints a line for each transfer. */
export function createMeter(progress: Progress, tellsEach: boolean): Meter {
  /** Bytes of the fetches that are under way, with resumed bytes. */
  const open = new Map<object, number>();
  let fetchedBytes = 0;
  let resumedBytes = 0;
  let firstMs: number | undefined;
  let count = 0;
  let lastMs = 0;
  return {
    start(label, totalBytes, kind) {
      const task = progress.start(label, totalBytes, kind);
      if (kind !== "fetch" && kind !== "relay") return task;
      const own = {};
      firstMs ??= Date.now();
      count += 1;
      const add = (bytes: number): void => void open.set(own, (open.get(own) ?? 0) + bytes);
      return {
        resume(bytes) {
          resumedBytes += bytes;
          add(bytes);
          task.resume(bytes);
        },
        advance(chunkBytes) {
          fetchedBytes += Math.max(0, chunkBytes);
          add(chunkBytes);
          task.advance(chunkBytes);
        },
        done() {
          lastMs = Date.now();
          open.delete(own);
          task.done();
        },
      };
    },
    awaiting: (text) => progress.awaiting(text),
    cost() {
      if (firstMs === undefined || (tellsEach && count === 1)) return undefined;
      return formatCost(fetchedBytes, lastMs - firstMs, resumedBytes);
    },
    keptHint() {
      const bytes = [...open.values()].reduce((sum, one) => sum + one, 0);
      if (bytes <= 0) return undefined;
      return `run the same command again to go on: the ${formatBytes(bytes)} that came are kept`;
    },
  };
}
