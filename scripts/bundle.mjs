/** How the executable is bundled; the build, its check and the tests all use it. */
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { joinParts } from "./parts.mjs";

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

/** Empty if package.json names none. */
const repository = manifest.repository?.url ?? manifest.repository ?? "";

/** In ES5, ahead of everything: an older Node says what is wrong before it meets an API of the bundle that it lacks. */
const versionGuard = `(function () {
  var v = process.versions.node.split(".");
  if (+v[0] > 20 || (+v[0] === 20 && +v[1] >= 19)) return;
  process.stderr.write("error[NODE_UNSUPPORTED]: Node.js " + process.versions.node + " is too old\\n  hint: install Node.js 20.19 or newer, or put a newer node first on the PATH\\n");
  process.exit(69);
})();`;

export const common = {
  absWorkingDir: root,
  bundle: true,
  platform: "node",
  define: {
    BUCK2_ORAS_VERSION: JSON.stringify(manifest.version),
    BUCK2_ORAS_REPOSITORY: JSON.stringify(repository.replace(/^git\+/, "")),
    BUCK2_ORAS_BUNDLE: "__filename",
  },
  legalComments: "none",
  // Its UMD build loads its parts by a `require` that no bundler sees.
  // `tuf-js` asks by what it is given; its own HTTP client would only be read.
  alias: { "jsonc-parser": "jsonc-parser/lib/esm/main.js", "make-fetch-happen": "./scripts/not-bundled.mjs" },
  metafile: true,
  // `import()` of a builtin makes a view of all its exports, which loads the undici of Node: 25 ms. `require` does not.
  supported: { "dynamic-import": false },
  logLevel: "warning",
};

const executableText = { target: "node20.19", minifySyntax: true, minifyWhitespace: true };

/**
 * @param options `lazy`: whether the parts are comments. A code cache holds functions alone.
 * @returns the text of the executable, and esbuild's metafile; nothing is written
 */
export async function bundleExecutable({ lazy } = { lazy: true }) {
  const { supported, ...options } = common;
  const result = await build({
    ...options,
    ...executableText,
    // An `import()` is where the parts are divided; `joinParts` turns it into `require`.
    supported: { "dynamic-import": true },
    entryPoints: ["src/main.ts"],
    outdir: "dist",
    format: "esm",
    splitting: true,
    write: false,
  });
  const text = await joinParts(result, "src/main.ts", {
    lazy,
    text: { ...executableText, supported, platform: "neutral" },
  });
  return { text: `#!/usr/bin/env node\n"use strict";\n${versionGuard}\n${text}`, metafile: result.metafile };
}

/** @returns esbuild's result of the library, as `bundleExecutable`: CommonJS, which `import` and `require` both take */
export async function bundleLibrary() {
  return await build({
    ...common,
    entryPoints: ["src/index.ts"],
    outfile: "lib/index.cjs",
    format: "cjs",
    target: "node20.19",
    write: false,
  });
}
