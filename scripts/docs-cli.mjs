/**
 * Writes `docs/cli.md` and `docs/schemas/*.json` from the program itself.
 *
 * `node scripts/docs-cli.mjs [--check]`: with --check nothing is written, and a file that differs makes it fail.
 */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { build } from "esbuild";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const isCheck = process.argv.includes("--check");

const work = mkdtempSync(join(tmpdir(), "docs-cli-"));
let documents;
try {
  const outfile = join(work, "cli-reference.mjs");
  await build({
    absWorkingDir: root,
    entryPoints: ["scripts/cli-reference.ts"],
    outfile,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    logLevel: "warning",
    banner: {
      js: 'import { createRequire as requireFrom } from "node:module"; const require = requireFrom(import.meta.url);',
    },
  });
  documents = await (await import(pathToFileURL(outfile).href)).documents();
} finally {
  rmSync(work, { recursive: true, force: true });
}

const stale = [];
for (const [file, text] of documents) {
  const path = join(root, file);
  if (isCheck) {
    let current = "";
    try {
      current = readFileSync(path, "utf8");
    } catch {}
    if (current !== text) stale.push(file);
  } else {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
if (stale.length > 0) {
  console.error(`not what the program says of itself: ${stale.join(", ")}; run \`npm run docs\` and commit docs/`);
  process.exit(1);
}
console.log(isCheck ? "docs/cli.md and docs/schemas are up to date" : `wrote ${documents.length} files`);
