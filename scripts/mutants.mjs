/**
 * Puts a bug into each parser, one at a time, and demands that its property finds it. `npm run mutants`; takes minutes. With
 * `--quick` (in CI) one bug for each file of properties.
 *
 * Works on a copy of the sources; the installed packages are linked.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** Bug: file below src/, what stands there, what is put in its place, and the test file that must fail. */
const mutants = [
  [
    "a repository may have `..`",
    "model/location.ts",
    'const component = "[a-z0-9]+',
    'const component = "[a-z0-9.]+',
    "references",
  ],
  ["any spelling of an address is a host", "model/registry-host.ts", "|| !isCanonicalHost(host)", "", "references"],
  [
    "a digest may be upper case",
    "model/digest.ts",
    "/^sha256:[0-9a-f]{64}$/",
    "/^sha256:[0-9a-f]{64}$/i",
    "references",
  ],
  [
    "a name may end in a dot",
    "archive/entry-path.ts",
    "if (/[. ]$/.test(segment))",
    'if (segment.endsWith(" "))',
    "references",
  ],
  ["a backslash is a letter", "archive/entry-path.ts", 'if (segment.includes("\\\\"))', "if (false)", "references"],
  [
    "sizes are not bounded",
    "model/byte-size.ts",
    "return Number.isSafeInteger(bytes) ? bytes : undefined;",
    "return bytes;",
    "references",
  ],
  ["the last realm counts", "registry/challenge.ts", "if (!current.parameters.has(key)) ", "", "headers"],
  [
    "http realms from https",
    "registry/realm.ts",
    'url.protocol === "http:" && registryUrl.protocol === "https:"',
    "false",
    "headers",
  ],
  [
    "link-local realms",
    "registry/realm.ts",
    "if (isForbiddenFrom(registryUrl.hostname, url.hostname))",
    "if (false)",
    "headers",
  ],
  [
    "a login in the realm",
    "registry/realm.ts",
    'if (url.username !== "" || url.password !== "")',
    "if (false)",
    "headers",
  ],
  ["pages at another origin", "registry/link.ts", "if (next.origin !== page.origin)", "if (false)", "headers"],
  ["the same page again", "registry/link.ts", "if (next.href === page.href)", "if (false)", "headers"],
  ["ranges that end before they begin", "registry/content-range.ts", "first <= last && (", "(", "headers"],
  ["waits in the past", "http/retry.ts", "Math.max(0, date - nowMs)", "date - nowMs", "headers"],
  ["sizes of any number", "model/manifest.ts", "v.safeInteger(), ", "", "documents"],
  [
    "docker keys by prefix",
    "config/docker-config.ts",
    "dockerHubKey : host) === wanted",
    "dockerHubKey : host).startsWith(wanted)",
    "documents",
  ],
  [
    "errors show the docker configuration",
    "config/docker-config.ts",
    'throw invalid(path, "it is not JSON");',
    "throw invalid(path, text);",
    "documents",
  ],
  ["messages with control characters", "errors.ts", "super(oneLine(message)", "super((message)", "documents"],
  [
    "sizes below zero in a lock",
    "lockfile/schema.ts",
    'v.minValue(0), v.description("Bytes of the blob',
    'v.description("Bytes of the blob',
    "documents",
  ],
];

const isQuick = process.argv.includes("--quick");
const chosen = isQuick
  ? mutants.filter(([, , , , test], index) => mutants.findIndex((other) => other[4] === test) === index)
  : mutants;

const work = mkdtempSync(join(tmpdir(), "mutants-"));
const survivors = [];

/**
 * True when a property of the file does not hold any more. A test that takes too long, or cannot be loaded, found nothing.
 *
 * @param file Below the copy.
 */
function finds(file) {
  const run = spawnSync("node_modules/.bin/vitest", ["run", file, "--bail=1"], { cwd: work, encoding: "utf8" });
  return run.status !== 0 && /Property failed after|AssertionError/.test(run.stdout + run.stderr);
}

try {
  for (const name of ["src", "test", "scripts", "dist", "package.json", "tsconfig.json", "vitest.config.ts"]) {
    cpSync(join(root, name), join(work, name), { recursive: true });
  }
  symlinkSync(join(root, "node_modules"), join(work, "node_modules"));
  console.log("| bug | found |\n|---|---|");
  // Of all, also of those that a quick run leaves out: code that moved takes its mutant along.
  for (const [bug, file, from] of mutants) {
    const places = readFileSync(join(work, "src", file), "utf8").split(from).length - 1;
    if (places !== 1) throw new Error(`${bug}: src/${file} has ${places} places for it, not one`);
  }
  for (const [bug, file, from, to, test] of chosen) {
    const path = join(work, "src", file);
    const source = readFileSync(path, "utf8");
    writeFileSync(
      path,
      source.replace(from, () => to),
    );
    const isFound = finds(`test/properties/${test}.test.ts`);
    writeFileSync(path, source);
    if (!isFound) survivors.push(bug);
    console.log(`| ${bug} | ${isFound ? "yes" : "NO"} |`);
  }
} finally {
  rmSync(work, { recursive: true, force: true });
}
console.log(`${chosen.length - survivors.length} of ${chosen.length} bugs were found`);
if (survivors.length > 0) process.exitCode = 1;
