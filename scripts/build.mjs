/**
 * Builds `dist/buck2-oras.cjs` (the executable, committed) with the licences of what it bundles, and `lib/` (the library).
 *
 * `node scripts/build.mjs [--check]`: with --check nothing is written, and a committed file that `src/` does not build
 * makes it fail.
 */
import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { bundleExecutable, bundleLibrary, root } from "./bundle.mjs";
import { libraryTypes } from "./library-types.mjs";

const isCheck = process.argv.includes("--check");
const executable = await bundleExecutable();

/** Name and version of every package with a module in the bundle. */
function bundledPackages(metafile) {
  const packages = new Map();
  for (const input of Object.keys(metafile.inputs)) {
    const folder = /^(?:.*\/)?node_modules\/(?:@[^/]+\/)?[^/]+/.exec(input)?.[0];
    if (folder === undefined || packages.has(folder)) continue;
    packages.set(folder, JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")));
  }
  return [...packages].sort(([, a], [, b]) => (a.name < b.name ? -1 : 1));
}

/** Licence texts that a package does not ship itself but names. */
const licenseFile = /^(?:licen[cs]e|copying|notice)(?:[.-].*)?$/i;

function licenses(metafile) {
  const sections = bundledPackages(metafile).map(([folder, { name, version, license }]) => {
    const files = readdirSync(join(root, folder))
      .filter((file) => licenseFile.test(file))
      .sort();
    const texts = files.map((file) =>
      readFileSync(join(root, folder, file), "utf8")
        .replaceAll("\r\n", "\n")
        .trim(),
    );
    const text = texts.length === 0 ? `(the package states «${license}» and ships no text)` : texts.join("\n\n");
    return `${name} ${version} (${license})\n${"=".repeat(72)}\n${text}\n`;
  });
  return `dist/buck2-oras.cjs contains code of these packages, each under its own licence.\n\n${sections.join("\n\n")}`;
}

const outputs = new Map([
  ["dist/buck2-oras.cjs", executable.text],
  ["dist/LICENSES.txt", licenses(executable.metafile)],
]);

if (isCheck) {
  const stale = [...outputs].filter(([file, text]) => {
    const path = join(root, file);
    return !existsSync(path) || readFileSync(path, "utf8") !== text;
  });
  if (stale.length > 0) {
    console.error(
      `not what src/ builds: ${stale.map(([file]) => file).join(", ")}; run \`npm run build\` and commit dist/`,
    );
    process.exit(1);
  }
  console.log("dist/ is what src/ builds");
} else {
  mkdirSync(join(root, "dist"), { recursive: true });
  for (const [file, text] of outputs) writeFileSync(join(root, file), text);
  chmodSync(join(root, "dist/buck2-oras.cjs"), 0o755);
  rmSync(join(root, "lib"), { recursive: true, force: true });
  const library = await bundleLibrary();
  mkdirSync(join(root, "lib"));
  writeFileSync(join(root, "lib/index.cjs"), library.outputFiles[0].text);
  for (const [file, text] of libraryTypes()) {
    const path = join(root, "lib/types", file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
  const size = Buffer.byteLength(outputs.get("dist/buck2-oras.cjs") ?? "");
  console.log(`dist/buck2-oras.cjs ${(size / 1024).toFixed(0)} KiB, lib/index.cjs`);
}
