/**
 * `npm run release [-- --dry-run]`: makes the files of a release in `release/VERSION/` and, without --dry-run, the commit and
 * the tag. Nothing is pushed or published: the commands for that are printed.
 *
 * With --dry-run only `release/` and `lib/` are written, and what is not ready is listed instead of refused.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { copyFileSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { root } from "./bundle.mjs";

const isDryRun = process.argv.includes("--dry-run");
const manifest = readJson("package.json");
const { version } = manifest;
const tag = `v${version}`;
const folder = join(root, "release", version);
const bundle = "dist/buck2-oras.cjs";

function readJson(file) {
  return JSON.parse(readFileSync(join(root, file), "utf8"));
}

function run(program, ...args) {
  return execFileSync(program, args, { cwd: root, encoding: "utf8", shell: process.platform === "win32" }).trim();
}

function succeeds(program, ...args) {
  return spawnSync(program, args, { cwd: root, stdio: "ignore" }).status === 0;
}

/** The topmost section of the changelog: its heading, and the text below it. */
function readChangelog() {
  const text = readFileSync(join(root, "CHANGELOG.md"), "utf8");
  const [, heading = "", body = ""] = /^## (.*)\n([\s\S]*?)(?=^## |$(?![\s\S]))/m.exec(text) ?? [];
  return { text, heading, body: body.trim() };
}

/** @returns what stands in the way, each with the next step. */
function obstacles({ heading, body }) {
  const checks = [
    [run("git", "status", "--porcelain") === "", "the work tree has changes: commit them"],
    [readJson("package-lock.json").version === version, "package-lock.json has another version: run `npm install`"],
    [
      heading === `${version} (unreleased)`,
      `CHANGELOG.md does not begin with «${version} (unreleased)»: correct one of them`,
    ],
    [body !== "", "CHANGELOG.md says nothing of this version: write what users notice"],
    [
      !succeeds("git", "rev-parse", "--verify", "--quiet", `refs/tags/${tag}`),
      `the tag ${tag} exists: raise the version`,
    ],
    [manifest.repository !== undefined, "package.json names no repository: add `repository` with the public address"],
  ];
  return checks.filter(([isMet]) => !isMet).map(([, message]) => message);
}

function copyInto(name, source) {
  copyFileSync(join(root, source), join(folder, name));
}

/** Makers of the release's files, one for each kind. Each writes into the folder of the release. */
const makers = {
  "the executable": () => copyInto("buck2-oras.cjs", bundle),
  "the licences of what it bundles": () => copyInto("LICENSES.txt", "dist/LICENSES.txt"),
  "the npm package": () => run("npm", "pack", "--silent", "--ignore-scripts", "--pack-destination", folder),
  "the notes": ({ body }) => writeFileSync(join(folder, "NOTES.md"), `${body}\n`),
};

/** `SHA256SUMS` as `sha256sum --check` reads it. */
function writeChecksums() {
  const names = readdirSync(folder).sort();
  const lines = names.map((name) => {
    const digest = createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
    return `${digest}  ${name}\n`;
  });
  writeFileSync(join(folder, "SHA256SUMS"), lines.join(""));
  return lines;
}

function commitAndTag({ text }) {
  const [today] = new Date().toISOString().split("T");
  writeFileSync(join(root, "CHANGELOG.md"), text.replace(`## ${version} (unreleased)`, `## ${version} (${today})`));
  run("git", "commit", "--quiet", "--message", `release: ${version}`, "CHANGELOG.md");
  run("git", "tag", "--annotate", "--message", `buck2-oras ${version}`, tag);
}

function fail(message, hint) {
  console.error(`error: ${message}\n  hint: ${hint}`);
  process.exit(1);
}

const changelog = readChangelog();
const found = obstacles(changelog);
if (found.length > 0 && !isDryRun)
  fail(`${tag} is not ready:\n  - ${found.join("\n  - ")}`, "mend these, then run it again");
if (!succeeds(process.execPath, "scripts/build.mjs", "--check")) {
  fail("dist/ is not what src/ builds", "run `npm run build` and commit dist/");
}
// The library in `lib/` is not committed; the bundle is written as it was.
run(process.execPath, "scripts/build.mjs");
const said = run(process.execPath, bundle, "--version");
if (!said.includes(version)) fail(`the executable says «${said}», not ${version}`, "run `npm run build`");

rmSync(folder, { recursive: true, force: true });
mkdirSync(folder, { recursive: true });
for (const make of Object.values(makers)) make(changelog);
console.log(`buck2-oras ${version}: ${Object.keys(makers).join(", ")}, in release/${version}/`);
console.log(writeChecksums().join("").trimEnd());

if (isDryRun) {
  for (const obstacle of found) console.log(`not ready: ${obstacle}`);
  console.log("dry run: no commit, no tag");
} else {
  commitAndTag(changelog);
  console.log(`committed, and tagged ${tag}. To publish it:
  git push --follow-tags
  npm publish release/${version}/buck2-oras-${version}.tgz
and attach the files of release/${version}/ to the release of the forge.`);
}
