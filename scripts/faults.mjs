/** Prints the fault table: bundles `test/faults/table.ts`, since the Node of the floor runs no TypeScript. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { build } from "esbuild";
import { common, root } from "./bundle.mjs";

const work = mkdtempSync(join(tmpdir(), "faults-"));
try {
  const outfile = join(work, "table.mjs");
  await build({ ...common, entryPoints: ["test/faults/table.ts"], outfile, format: "esm", target: "node20.19" });
  const { printFaults } = await import(pathToFileURL(outfile).href);
  await printFaults(join(root, "dist/buck2-oras.cjs"), join(root, "bench/faults.json"));
} finally {
  rmSync(work, { recursive: true, force: true });
}
