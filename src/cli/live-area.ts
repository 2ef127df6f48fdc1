/**
 * Lines at the bottom of a terminal that change in place, such as progress bars.
 *
 * `cli-progress` did this before: it redraws only changed bars, so that lines stayed behind when a bar above went away
 * or another line was printed in between.
 */

/** Time between two drawings. */
const intervalMs = 100;
const [clearRight, clearBelow] = ["\x1b[K", "\x1b[J"];

export interface LiveStream {
  write(text: string): unknown;
}

export class LiveArea {
  readonly #stream: LiveStream;
  readonly #linesNow: () => readonly string[];
  #shown: readonly string[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** @param linesNow The lines to show, each shorter than the terminal's width; called at each drawing. */
  constructor(stream: LiveStream, linesNow: () => readonly string[]) {
    this.#stream = stream;
    this.#linesNow = linesNow;
  }

  /** Draws until `stop`. */
  run(): void {
    this.#timer ??= setInterval(() => this.#draw(), intervalMs).unref();
  }

  /** Removes the lines until the next drawing, so that other text can be printed. */
  clear(): void {
    if (this.#shown.length > 0) this.#stream.write(`${this.#toTop()}${clearBelow}`);
    this.#shown = [];
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#timer = undefined;
    this.clear();
  }

  #draw(): void {
    const lines = this.#linesNow();
    // An unchanged area is left alone: another program may prompt below it.
    if (lines.length === this.#shown.length && lines.every((line, index) => line === this.#shown[index])) return;
    const text = lines.map((line) => line + clearRight).join("\n");
    this.#stream.write(`${this.#toTop()}${text}${lines.length < this.#shown.length ? clearBelow : ""}`);
    this.#shown = lines;
  }

  #toTop(): string {
    const above = this.#shown.length - 1;
    if (above < 0) return "";
    return above === 0 ? "\r" : `\r\x1b[${above}A`;
  }
}
