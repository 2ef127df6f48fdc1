/** Progress on a terminal: a bar for each transfer, and a line for what the work waits for. */
import type { Progress, ProgressTask } from "../context.ts";
import { LiveArea } from "./live-area.ts";
import { formatLine, shorten } from "./progress-line.ts";

/** Shorter transfers get no bar, since the bar would only flicker. */
const barAfterMs = 300;
/** Time of silence after which a wait is shown. */
const waitAfterMs = 700;
/** A wait that just ended stays visible for this time: the next one usually follows. */
const lingerMs = 250;
/** A longer wait is shown with its duration. */
const durationAfterMs = 5000;
/** Span of time for the speed. */
const speedSpanMs = 3000;
const defaultColumns = 80;

/** Progress that shares a terminal with other output. */
export interface LiveProgress extends Progress {
  /** Clears the terminal for other output; the lines come back afterwards. */
  clear(): void;
  stop(): void;
}

export interface ProgressTerminal {
  write(text: string): unknown;
  /** Width in characters. */
  readonly columns?: number | undefined;
}

interface Transfer {
  readonly label: string;
  readonly totalBytes: number;
  readonly startedMs: number;
  doneBytes: number;
  /** Bytes at the beginning of the current and of the previous span. */
  span: { readonly atMs: number; readonly bytes: number };
  before: { readonly atMs: number; readonly bytes: number };
}

interface Wait {
  readonly text: string | (() => string);
  readonly sinceMs: number;
}

function speedOf(transfer: Transfer, nowMs: number): number | undefined {
  const { span, before, doneBytes } = transfer;
  if (nowMs - span.atMs >= speedSpanMs) {
    transfer.before = span;
    transfer.span = { atMs: nowMs, bytes: doneBytes };
  }
  const elapsedMs = nowMs - before.atMs;
  return elapsedMs < barAfterMs ? undefined : (1000 * (doneBytes - before.bytes)) / elapsedMs;
}

export function createTerminalProgress(stream: ProgressTerminal): LiveProgress {
  const transfers = new Set<Transfer>();
  const waits = new Set<Wait>();
  /** Time of the last output. */
  let quietSinceMs = Date.now();
  let shown: { readonly text: string; readonly untilMs: number } | undefined;

  const waitText = (nowMs: number, hasBars: boolean): string | undefined => {
    const newest = [...waits].at(-1);
    if (newest === undefined) return undefined;
    const isDue = nowMs - newest.sinceMs >= waitAfterMs || (!hasBars && nowMs - quietSinceMs >= waitAfterMs);
    if (!isDue) return undefined;
    if (typeof newest.text === "function") return newest.text();
    const elapsedMs = nowMs - newest.sinceMs;
    return `${newest.text} …${elapsedMs < durationAfterMs ? "" : ` (${Math.floor(elapsedMs / 1000)} s)`}`;
  };

  const linesNow = (): readonly string[] => {
    const nowMs = Date.now();
    const columns = stream.columns || defaultColumns;
    const bars = [...transfers].filter(({ startedMs }) => nowMs - startedMs >= barAfterMs);
    const text = waitText(nowMs, bars.length > 0);
    if (text !== undefined) shown = { text, untilMs: nowMs + lingerMs };
    else if (shown !== undefined && nowMs >= shown.untilMs) shown = undefined;
    return [
      ...bars.map((one) => formatLine({ ...one, bytesPerSecond: speedOf(one, nowMs) }, columns)),
      ...(shown === undefined ? [] : [shorten(shown.text, columns - 1)]),
    ];
  };
  const area = new LiveArea(stream, linesNow);

  return {
    start(label, totalBytes): ProgressTask {
      area.run();
      const startedMs = Date.now();
      const mark = { atMs: startedMs, bytes: 0 };
      const transfer: Transfer = { label, totalBytes, startedMs, doneBytes: 0, span: mark, before: mark };
      transfers.add(transfer);
      return {
        resume(bytes) {
          transfer.doneBytes += bytes;
          transfer.span = { atMs: Date.now(), bytes };
          transfer.before = transfer.span;
        },
        advance(chunkBytes) {
          transfer.doneBytes += chunkBytes;
        },
        done: () => void transfers.delete(transfer),
      };
    },
    awaiting(text) {
      area.run();
      const wait: Wait = { text, sinceMs: Date.now() };
      waits.add(wait);
      return () => void waits.delete(wait);
    },
    clear() {
      quietSinceMs = Date.now();
      shown = undefined;
      area.clear();
    },
    stop: () => area.stop(),
  };
}
