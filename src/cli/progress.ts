/** A progress bar per transfer, on a terminal. The library is loaded when the first transfer lasts long enough to show. */
import type { MultiBar, SingleBar } from "cli-progress";
import type { Progress, ProgressTask } from "../context.ts";
import { formatBytes } from "./format.ts";

/** A bar that flashes by helps nobody. */
const showAfterMs = 300;
const minLabelColumns = 12;
/** What stands beside label and bar: percentage, sizes, spaces. */
const otherColumns = 32;

export interface TerminalProgress extends Progress {
  /** Takes the bars off the screen. */
  stop(): void;
}

export const noProgress: TerminalProgress = {
  start: () => ({ advance: () => {}, done: () => {} }),
  stop: () => {},
};

function shorten(label: string, columns: number): string {
  const short = label.length > columns ? `…${label.slice(label.length - columns + 1)}` : label;
  return short.padEnd(columns);
}

/** @param columns Width of the terminal in characters. */
export function createTerminalProgress(stream: NodeJS.WriteStream, columns: number): TerminalProgress {
  const free = Math.max(columns - otherColumns, 2 * minLabelColumns);
  const labelColumns = Math.min(40, Math.floor(free / 2));
  let bars: Promise<MultiBar> | undefined;
  let shown: MultiBar | undefined;

  const load = async (): Promise<MultiBar> => {
    const { MultiBar: Bars } = await import("cli-progress");
    shown = new Bars({
      stream,
      hideCursor: true,
      clearOnComplete: true,
      barsize: free - labelColumns,
      format: "{label} {bar} {percentage}% {done}/{size}",
      gracefulExit: false,
    });
    return shown;
  };

  return {
    start(label, totalBytes): ProgressTask {
      let doneBytes = 0;
      let isDone = false;
      let bar: SingleBar | undefined;
      const payload = () => ({ done: formatBytes(doneBytes), size: formatBytes(totalBytes) });
      const show = async (): Promise<void> => {
        bars ??= load();
        const loaded = await bars;
        if (!isDone) bar = loaded.create(totalBytes, doneBytes, { label: shorten(label, labelColumns), ...payload() });
      };
      const timer = setTimeout(() => void show(), showAfterMs);
      timer.unref();
      return {
        advance(chunkBytes) {
          doneBytes += chunkBytes;
          bar?.update(doneBytes, payload());
        },
        done() {
          isDone = true;
          clearTimeout(timer);
          if (bar !== undefined) shown?.remove(bar);
        },
      };
    },
    stop: () => shown?.stop(),
  };
}
