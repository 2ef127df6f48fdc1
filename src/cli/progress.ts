/** Progress bars on a terminal, one per transfer. `cli-progress` is loaded for the first bar. */
import type { MultiBar, SingleBar } from "cli-progress";
import type { Progress, ProgressTask } from "../context.ts";
import { printable } from "../printable.ts";
import { formatBytes } from "./format.ts";

/** Shorter transfers get no bar, since the bar would only flicker. */
const showAfterMs = 300;
const maxLabelColumns = 40;
/** Columns of ` 100%` and ` 99.9 MB/99.9 MB`, with the leading spaces. */
const percentColumns = 5;
const sizesColumns = 16;
/** Minimum widths in characters: a narrower line omits the bar, then the sizes. */
const minColumnsForBar = 56;
const minColumnsForSizes = percentColumns + sizesColumns + 9;

export interface TerminalProgress extends Progress {
  /** Removes the bars from the screen. */
  stop(): void;
}

export const noProgress: TerminalProgress = {
  start: () => ({ advance: () => {}, done: () => {} }),
  stop: () => {},
};

function shorten(name: string, columns: number): string {
  const label = printable(name);
  const short = label.length > columns ? `…${label.slice(label.length - columns + 1)}` : label;
  return short.padEnd(columns);
}

interface LineShape {
  readonly format: string;
  readonly labelColumns: number;
  readonly barColumns: number;
}

/** Layout of one line. The last column stays free, since a terminal may wrap after a full line. */
function shapeOfLine(columns: number): LineShape {
  const forLabel = columns - 1 - percentColumns;
  if (columns < minColumnsForSizes) {
    return { format: "{label} {percentage}%", labelColumns: Math.max(1, forLabel), barColumns: 0 };
  }
  if (columns < minColumnsForBar) {
    return { format: "{label} {percentage}% {done}/{size}", labelColumns: forLabel - sizesColumns, barColumns: 0 };
  }
  const free = forLabel - sizesColumns - 1;
  const labelColumns = Math.min(maxLabelColumns, Math.floor(free / 2));
  return { format: "{label} {bar} {percentage}% {done}/{size}", labelColumns, barColumns: free - labelColumns };
}

/** @param columns Width of the terminal in characters. */
export function createTerminalProgress(stream: NodeJS.WriteStream, columns: number): TerminalProgress {
  const { format, labelColumns, barColumns } = shapeOfLine(columns);
  let bars: Promise<MultiBar> | undefined;
  let shown: MultiBar | undefined;

  const load = async (): Promise<MultiBar> => {
    const { MultiBar: Bars } = await import("cli-progress");
    shown = new Bars({
      stream,
      // A killed or suspended process could not restore a hidden cursor.
      hideCursor: false,
      linewrap: true,
      clearOnComplete: true,
      barsize: barColumns,
      format,
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
