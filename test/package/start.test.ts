import type { Metafile } from "esbuild";
import { expect, test } from "vitest";
import { bundleExecutable } from "../../scripts/bundle.mjs";
import { closure, outputOf } from "../../scripts/parts.mjs";

/** Source files in the parts that the entry loads at once. */
function readAtStart({ outputs }: Metafile): ReadonlySet<string> {
  const found = [...closure(outputOf("src/main.ts", outputs), outputs)];
  return new Set(found.flatMap((path) => Object.keys(outputs[path]?.inputs ?? {})));
}

test("bundle: a start compiles no command line, no client of a registry, no archive, and no library that only some need", async () => {
  const { text, metafile } = await bundleExecutable();
  const files = readAtStart(metafile);
  // What a blob in the cache needs.
  for (const file of ["src/main.ts", "src/verbs/blob.ts", "src/store/file-store.ts"]) expect(files).toContain(file);
  const forSome =
    /^src\/(?:cli\/(?:commands|program|options)|importers|tools|publish|locking|diagnosis|project|library|layout|transfer\/transfer|registry\/(?:registry|api)|http\/client|config\/(?:schema|parse|credentials|docker-config)|archive\/(?:extract|tar|zip|walk|format))/;
  expect([...files].filter((file) => forSome.test(file))).toEqual([]);
  const libraries = [...files].flatMap((file) => /^node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(file)?.[1] ?? []);
  expect([...new Set(libraries)].sort()).toEqual(["get-east-asian-width", "p-limit", "yocto-queue"]);
  // The others are comments, and the start is one.
  expect(text.includes('\n"src/cli/program.ts": function () {/*')).toBe(true);
  expect(text.includes('\n"start": function () {/*return {')).toBe(true);
});
