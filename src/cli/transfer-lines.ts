/** Progress without a terminal: one line for each finished transfer, without codes that move a cursor. */
import type { Progress } from "../context.ts";
import { printable } from "../printable.ts";
import { formatBytes } from "./format.ts";
import { formatDuration } from "./progress-line.ts";

/** Bytes and time of a finished transfer: `10.3 MB in 1.2 s, resumed at 4.1 MB`. */
export function formatCost(bytes: number, elapsedMs: number, resumedBytes: number): string {
  const seconds = elapsedMs / 1000;
  const time = seconds < 10 ? `${seconds.toFixed(1)} s` : formatDuration(seconds);
  const resumed = resumedBytes === 0 ? "" : `, resumed at ${formatBytes(resumedBytes)}`;
  return `${formatBytes(bytes)} in ${time}${resumed}`;
}

/** Time after which a wait is printed. */
const waitAfterMs = 1000;

/** @param say Prints one line. */
export function createTransferLines(say: (line: string) => void): Progress {
  return {
    start(label, totalBytes, kind) {
      const startedMs = Date.now();
      let resumedBytes = 0;
      let doneBytes = 0;
      // Nothing else is said until a large layer is packed, which takes minutes at the highest levels.
      const packing = `${label.replace(/^pack /, "")} (${formatBytes(totalBytes)})`;
      const timer =
        kind === "pack" ? setTimeout(() => say(printable(`Packing ${packing} …`)), waitAfterMs).unref() : undefined;
      return {
        resume: (bytes) => {
          resumedBytes = bytes;
          doneBytes += bytes;
        },
        advance: (chunkBytes) => {
          doneBytes += chunkBytes;
        },
        done: () => {
          clearTimeout(timer);
          // A failed transfer has its error, packing is no transfer, and relayed bytes have the line of their sending.
          if (kind === "pack" || kind === "relay" || doneBytes !== totalBytes) return;
          const cost = formatCost(totalBytes - resumedBytes, Date.now() - startedMs, resumedBytes);
          say(printable(`${kind === "fetch" ? "Fetched" : "Sent"} ${label}: ${cost}`));
        },
      };
    },
    awaiting: () => () => {},
  };
}

/** {@link createTransferLines} for a terminal that obeys no codes: waits are printed as well, each text once. */
export function createPlainTerminalProgress(say: (line: string) => void): Progress {
  const said = new Set<string>();
  return {
    ...createTransferLines(say),
    awaiting(text) {
      const timer = setTimeout(() => {
        const line = typeof text === "function" ? text() : `${text} …`;
        if (said.has(line)) return;
        said.add(line);
        say(printable(line));
      }, waitAfterMs).unref();
      return () => clearTimeout(timer);
    },
  };
}
