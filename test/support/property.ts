/** Properties of parsers that read what an attacker writes: many cases, a seed that is shown, and both answers well met. */
import fc from "fast-check";
import { expect } from "vitest";
import { OrasClientError } from "../../src/errors.ts";
import { cpuTimer } from "./cpu-timer.ts";

/** The same cases each time, so that more of them would say nothing new; a nightly run asks for more by `PROPERTY_CASES`, with another seed. */
const minCases = 25_000;

/** Cases of a property, at least; `PROPERTY_CASES` asks for more. */
export function atLeast(count: number): number {
  return Math.max(count, Number(process.env.PROPERTY_CASES ?? 0));
}

const cases = atLeast(minCases);
const { PROPERTY_SEED = "1" } = process.env;

/** The same cases in each run, so that no run fails by chance; `PROPERTY_SEED=random` looks further, and a number repeats it. */
export const seed: number = PROPERTY_SEED === "random" ? Date.now() % 2 ** 31 : Number(PROPERTY_SEED);
if (PROPERTY_SEED === "random") console.log(`PROPERTY_SEED=${seed}`);

const maxMessageLength = 2001;

/** Nothing but an error of ours, short, on one line. */
export function expectClean(error: unknown): void {
  if (!(error instanceof OrasClientError)) throw error;
  expect(error.message.length).toBeLessThan(maxMessageLength);
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
  expect(error.message).not.toMatch(/[\u0000-\u001f\u007f]/);
}

/**
 * Runs a parser over many inputs.
 *
 * @param parse Returns whether the input was accepted, having checked what must hold of an accepted one; an error of ours
 *   counts as a refusal.
 * @param minShare Share of the cases that must be accepted, and that must be refused: a generator that misses one shows nothing.
 */
export function holds<T>(name: string, inputs: fc.Arbitrary<T>, parse: (input: T) => boolean, minShare = 0.05): void {
  let accepted = 0;
  let run = 0;
  const started = performance.now();
  const property = fc.property(inputs, (input) => {
    run += 1;
    try {
      if (parse(input)) accepted += 1;
    } catch (error) {
      expectClean(error);
    }
  });
  fc.assert(property, { numRuns: cases, seed });
  const ms = Math.round(performance.now() - started);
  console.log(
    `property ${name}: ${run} cases, ${accepted} accepted, ${run - accepted} refused, seed ${seed}, ${ms} ms`,
  );
  expect(run).toBeGreaterThanOrEqual(minCases);
  expect(accepted / run).toBeGreaterThan(minShare);
  expect(1 - accepted / run).toBeGreaterThan(minShare);
}

/** {@link holds} for a parser that is asynchronous. */
export async function holdsLater<T>(
  name: string,
  inputs: fc.Arbitrary<T>,
  parse: (input: T) => Promise<boolean>,
  minShare = 0.05,
): Promise<void> {
  const outcomes: boolean[] = [];
  const started = performance.now();
  const property = fc.asyncProperty(inputs, async (input) => {
    try {
      outcomes.push(await parse(input));
    } catch (error) {
      outcomes.push(false);
      expectClean(error);
    }
  });
  await fc.assert(property, { numRuns: cases, seed });
  const ms = Math.round(performance.now() - started);
  const accepted = outcomes.filter((one) => one).length;
  const [run, refused] = [outcomes.length, outcomes.length - accepted];
  console.log(`property ${name}: ${run} cases, ${accepted} accepted, ${refused} refused, seed ${seed}, ${ms} ms`);
  expect(run).toBeGreaterThanOrEqual(minCases);
  expect(Math.min(accepted, refused) / run).toBeGreaterThan(minShare);
}

interface Edit {
  readonly kind: "insert" | "delete" | "replace" | "double";
  readonly at: number;
  readonly text: string;
}

function apply(text: string, { kind, at, text: piece }: Edit): string {
  const position = text.length === 0 ? 0 : at % (text.length + 1);
  switch (kind) {
    case "insert":
      return text.slice(0, position) + piece + text.slice(position);
    case "delete":
      return text.slice(0, position) + text.slice(position + 1);
    case "replace":
      return text.slice(0, position) + piece + text.slice(position + piece.length);
    case "double":
      return text.slice(0, position) + text.slice(Math.max(0, position - 8), position) + text.slice(position);
  }
}

/** Well-formed texts with none, one or a few edits: close enough to the grammar to come deep into a parser. */
export function mutated(wellFormed: fc.Arbitrary<string>, pieces: readonly string[]): fc.Arbitrary<string> {
  const edit = fc.record({
    kind: fc.constantFrom("insert", "delete", "replace", "double"),
    at: fc.nat(4096),
    text: fc.constantFrom(...pieces),
  });
  return fc.tuple(wellFormed, fc.array(edit, { maxLength: 3 })).map(([text, edits]) => edits.reduce(apply, text));
}

const blinkMs = 500;

/**
 * Fails when a text takes a parser longer than a blink: time must not grow with the square of the input. One that is slow
 * by itself is slow each time.
 */
export function isQuick(parse: (text: string) => unknown, text: string): void {
  const times = [1, 2, 3].map(() => {
    const spent = cpuTimer();
    try {
      parse(text);
    } catch (error) {
      expectClean(error);
    }
    return spent();
  });
  expect(Math.min(...times)).toBeLessThan(blinkMs);
}
