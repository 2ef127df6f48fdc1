/** Servers of the tests, in TypeScript, for a Node that does not read TypeScript. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { root } from "../../scripts/bundle.mjs";

/** @param file Path below `test/support`, without imports of the test runner. */
export async function fromTests(work, file) {
  const outfile = join(work, "from-tests", file.replace(/\.ts$/, ".mjs"));
  mkdirSync(join(outfile, ".."), { recursive: true });
  await build({
    absWorkingDir: root,
    entryPoints: [join("test/support", file)],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    logLevel: "warning",
  });
  return await import(pathToFileURL(outfile).href);
}
