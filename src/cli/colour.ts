/** Colours and cursor codes: only on a terminal that obeys them, and never against the user's wish. */
import { styleText } from "node:util";

export type Colour = "red" | "green" | "yellow" | "cyan" | "dim";

/** @param text Printable text: escaping comes first, since it would escape the colour as well. */
export type Paint = (colour: Colour, text: string) => string;

export const plainPaint: Paint = (_colour, text) => text;

export interface PaintedStream {
  readonly isTTY?: boolean | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** True for a terminal that obeys cursor codes; CI systems keep the log of a terminal of theirs. */
export function obeysCursor({ isTTY }: PaintedStream, env: Environment): boolean {
  return isTTY === true && env.TERM !== "dumb" && !env.CI;
}

/** @see https://no-color.org */
export function paintFor(stream: PaintedStream, env: Environment): Paint {
  if (!obeysCursor(stream, env) || env.NO_COLOR) return plainPaint;
  // The stream was checked above; by default, `styleText` would check standard output.
  return (colour, text) => styleText(colour, text, { validateStream: false });
}
