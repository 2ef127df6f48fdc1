/** Prints the fault tables, and writes them into `docs/faults.md`: bundles `test/faults/table.ts`, since the Node of the floor runs no TypeScript. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  const tables = await printFaults(join(root, "dist/buck2-oras.cjs"), join(root, "bench/faults.json"));
  const page = join(root, "docs/faults.md");
  const text = readFileSync(page, "utf8");
  const between = /(<!-- tables -->\n)[\s\S]*(<!-- end of tables -->)/;
  writeFileSync(
    page,
    text.replace(between, (_, begin, end) => `${begin}${tables}\n${end}`),
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
