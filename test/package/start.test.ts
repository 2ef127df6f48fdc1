import type { Metafile } from "esbuild";
import { expect, test } from "vitest";
import { bundleExecutable } from "../../scripts/bundle.mjs";
import { closure, outputOf } from "../../scripts/parts.mjs";

/** Source files in the parts that the entry loads at once. */
function readAtStart({ outputs }: Metafile): ReadonlySet<string> {
  const found = [...closure(outputOf("src/main.ts", outputs), outputs)];
  return new Set(found.flatMap((path) => Object.keys(outputs[path]?.inputs ?? {})));
}

test("bundle: a start compiles no command, no archive, no importer, and no library that only some commands need", async () => {
  const { text, metafile } = await bundleExecutable();
  const files = readAtStart(metafile);
  expect(files).toContain("src/main.ts");
  const forSome =
    /^(?:src\/(?:cli\/commands|importers|tools|publish|locking|diagnosis|project|library)\/|src\/archive\/(?:extract|tar|zip|walk))/;
  // `download.ts` is one call of the HTTP client.
  expect([...files].filter((file) => forSome.test(file) && file !== "src/importers/download.ts")).toEqual([]);
  const libraries = [...files].flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  expect([...new Set(libraries)].sort()).toEqual([
    "commander",
    "get-east-asian-width",
    "p-limit",
    "valibot",
    "yocto-queue",
  ]);
  // The others are strings, each on one line.
  expect(text.includes('\n"src/cli/commands/blob.ts": "')).toBe(true);
  expect(text.includes('\n"src/main.ts": (function')).toBe(true);
});
