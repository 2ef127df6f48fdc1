/**
 * `npm run package [-- [--platform P …] [--output DIR] [--push REF [--sign-key KEY]]]`: makes standalone executables, which need no
 * Node. The work is in `package/run.mjs`: this file loads no package, so that it can say which are missing.
 */
import { readFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const known = Object.keys(JSON.parse(readFileSync(join(root, "scripts/package/nodes.json"), "utf8")).versions);

const usage = `Usage: npm run package -- [options]

Makes standalone executables of buck2-oras, which need no Node, with SHA256SUMS
and licences. Any platform can make those of all platforms. The first run
downloads some 50 MB a platform from the npm registry. See docs/standalone.md.

Options:
  --platform <platform>  make the executable of this platform; may be repeated
                         (default: all of them)
  --output <folder>      write into this folder (default: build/standalone)
  --push <ref>           publish them under one reference, HOST/REPOSITORY:TAG,
                         as an index of the platforms
  --sign-key <key>       sign what is published, as push --sign-key does
  -h, --help             show this help

Platforms: ${known.slice(0, 4).join(", ")},
  ${known.slice(4).join(", ")}
`;

function fail(message, hint) {
  console.error(`error: ${message}\n  hint: ${hint}`);
  process.exit(1);
}

function readArguments() {
  const options = {
    platform: { type: "string", multiple: true },
    output: { type: "string", default: join(root, "build/standalone") },
    push: { type: "string" },
    "sign-key": { type: "string" },
    help: { type: "boolean", short: "h", default: false },
  };
  try {
    const { values } = parseArgs({ options });
    const platforms = [...new Set(values.platform ?? known)];
    const unknown = platforms.find((platform) => !known.includes(platform));
    if (unknown !== undefined) throw new Error(`no platform «${unknown}», which is none of ${known.join(", ")}`);
    const key = values["sign-key"];
    if (key !== undefined && values.push === undefined) throw new Error("--sign-key needs --push");
    return { isHelp: values.help, platforms, folder: resolve(values.output), reference: values.push, key };
  } catch (error) {
    return fail(error.message, "run `npm run package -- --help` for the options");
  }
}

function explain(error) {
  if (error.code === "ERR_MODULE_NOT_FOUND" && error.message.startsWith("Cannot find package"))
    return fail("the packages of npm are not there", "run `npm ci` in this folder first");
  return fail(error.message, error.hint ?? "read the output above; the npm registry must be reachable the first time");
}

const { isHelp, ...request } = readArguments();
if (isHelp) process.stdout.write(usage);
else await import("./package/run.mjs").then(({ makeAll }) => makeAll(request)).catch(explain);
