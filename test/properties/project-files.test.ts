/** Files of a checkout, in front of `init`: the time they take grows with their length, not with its square. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { unifiedDiff } from "../../src/project/diff.ts";
import { planInit } from "../../src/project/plan.ts";
import { codeOf } from "../support/context.ts";
import { cpuTimer } from "../support/cpu-timer.ts";
import { temporaryFolder } from "../support/folders.ts";
import { seed } from "../support/property.ts";

const minimal = "[cells]\n  root = .\n  prelude = prelude\n  toolchains = toolchains\n";
const source = { origin: "https://git.example/buck2-oras.git", commit: "0".repeat(40) };
const characters = 150_000;

/** Quadratic work on so many characters takes more than ten seconds. */
const maxMs = 5000;

const runs = [
  " ",
  "\t",
  "\n",
  "\r",
  "\r\n",
  "a",
  "=",
  "/",
  "[",
  "]",
  "(",
  ")",
  "#",
  "\\",
  "\\\n",
  "a\\\n",
  '"',
  "'",
  "_cell",
];
const words = [
  "<",
  ">",
  "<file:",
  "load(",
  'load("oras_tool',
  '"oras_tool",',
  "name",
  "name=",
  'name="',
  "oras_toolchain",
  "a = ",
  ",",
];
const starts = [
  "",
  "a",
  "[",
  "a =",
  "<file:",
  "load(",
  'load("//:oras.lock.json", ',
  "name = ",
  "name = '",
  "#",
  '"""',
];
const ends = ["", "b", "\n", "=", ")", ">", '"', "\nb = c\n"];

const lock = { version: 1, tools: { protoc: { reference: "ghcr.io/acme/protoc:1", platforms: {} } } } as const;

test("init: long runs in a configuration and in build files end in time", async () => {
  const root = temporaryFolder();
  for (const folder of ["tools", "toolchains"]) mkdirSync(join(root, folder));
  const piece = fc.constantFrom(...runs, ...words);
  const texts = fc
    .tuple(fc.constantFrom(...starts), piece, fc.constantFrom(...ends))
    .map(([start, run, end]) => start + run.repeat(Math.floor(characters / run.length)) + end);
  const property = fc.asyncProperty(texts, async (text) => {
    writeFileSync(join(root, ".buckconfig"), `${minimal}${text}`);
    for (const folder of ["tools", "toolchains"]) writeFileSync(join(root, folder, "BUCK"), text);
    const spent = cpuTimer();
    const { signal } = new AbortController();
    const planned = planInit({ root, isProject: true, isStandalone: false, lock, name: undefined, source, signal });
    await codeOf(planned.then(({ changes }) => changes.flatMap(unifiedDiff)));
    expect(spent()).toBeLessThan(maxMs);
  });
  await fc.assert(property, { numRuns: 40, seed, endOnFailure: true });
});
