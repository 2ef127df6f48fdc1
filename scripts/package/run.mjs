/**
 * The work of `npm run package`: standalone executables, their checksums and licences. With a reference, publishes them as one artifact with
 * an index of the platforms, by our own `push`.
 */
import { spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { chmodSync, linkSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bundleExecutable, root } from "../bundle.mjs";
import { checkMade, isSigned } from "./check.mjs";
import { executableName, makeExecutable } from "./make.mjs";
import { fetchLicense, isWindows, ownPlatform, versions } from "./nodes.mjs";

const { version } = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));

function failure(message, hint) {
  return Object.assign(new Error(message), { hint });
}

function makeFolder(folder) {
  try {
    mkdirSync(folder, { recursive: true });
  } catch (error) {
    throw failure(`cannot make the folder ${folder}: ${error.message}`, "name another folder with --output");
  }
}

async function writeBundle(dir) {
  const path = join(dir, "buck2-oras.cjs");
  writeFileSync(path, (await bundleExecutable({ lazy: false })).text);
  return path;
}

/** Licences of the bundle's packages, and of each version of Node with all that Node contains. */
async function writeLicenses(folder, platforms) {
  const texts = [
    "The executables contain buck2-oras (LICENSE of its repository), the packages below, and Node.js.",
    readFileSync(join(root, "dist/LICENSES.txt"), "utf8").trim(),
  ];
  for (const one of new Set(platforms.map((platform) => versions.get(platform)))) {
    texts.push(`Node.js ${one}\n${"=".repeat(72)}\n${readFileSync(await fetchLicense(one), "utf8").trim()}`);
  }
  writeFileSync(join(folder, "LICENSES.txt"), `${texts.join("\n\n")}\n`);
}

/** `SHA256SUMS` as `sha256sum --check` reads it. */
function writeChecksums(folder, names) {
  const lines = names.sort().map((name) => {
    const digest = createHash("sha256")
      .update(readFileSync(join(folder, name)))
      .digest("hex");
    return `${digest}  ${name}\n`;
  });
  writeFileSync(join(folder, "SHA256SUMS"), lines.join(""));
}

/** Uncompressed, so that Buck2 itself can fetch the file: nothing could unpack it before it is there. */
function push(bundle, { platforms, folder, reference, key }) {
  const staged = mkdtempSync(join(folder, ".push-"));
  try {
    const files = platforms.map((platform) => {
      const file = join(staged, platform, isWindows(platform) ? "buck2-oras.exe" : "buck2-oras");
      mkdirSync(join(staged, platform));
      linkSync(join(folder, executableName(platform)), file);
      return `--platform=${platform}=${file}`;
    });
    const annotation = `--annotation=org.opencontainers.image.version=${version}`;
    const args = [bundle, "push", reference, ...files, "--compression=none", annotation];
    if (key !== undefined) args.push(`--sign-key=${key}`);
    const { status } = spawnSync(process.execPath, args, { stdio: "inherit" });
    if (status !== 0) {
      throw failure("the executables are made, but not published", "mend what the message above says, and push again");
    }
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
}

/**
 * Has our own `import` look at the reference: it asks the destination before it reads the source, which is missing.
 *
 * @throws Error nothing can be pushed to the reference
 */
function checkReference(bundle, reference, work) {
  const args = [bundle, "import", `file:${join(work, "none")}`, reference, "--json"];
  const { stdout, stderr } = spawnSync(process.execPath, args, { encoding: "utf8" });
  const found = errorOf(stdout) ?? { message: stderr.trim() };
  if (found.code === "FILE_NOT_FOUND") return;
  // `--registry` is no option here.
  const hint = found.code === "REGISTRY_NOT_NAMED" ? "write HOST/REPOSITORY:TAG" : found.hint;
  throw failure(`--push ${reference}: ${found.message}`, hint ?? "correct the reference");
}

function errorOf(text) {
  try {
    return JSON.parse(text).error;
  } catch {
    return undefined;
  }
}

/**
 * Writes the executables, `SHA256SUMS`, and the licences of all that is in them.
 *
 * @param request `platforms`: platform strings; `folder`: absolute path; `reference`: where to publish, or undefined; `key`: the key that signs, or undefined
 */
export async function makeAll(request) {
  const { platforms, folder, reference } = request;
  if (ownPlatform === undefined) throw failure("this machine is none of the platforms", "use a machine of one of them");
  makeFolder(folder);
  mkdirSync(join(root, "build"), { recursive: true });
  const work = mkdtempSync(join(root, "build/.bundle-"));
  try {
    const bundle = await writeBundle(work);
    if (reference !== undefined) checkReference(bundle, reference, work);
    for (const name of [...versions.keys()].map(executableName)) rmSync(join(folder, name), { force: true });
    for (const platform of platforms) {
      const output = join(folder, executableName(platform));
      await makeExecutable({ platform, version: versions.get(platform), bundle, output });
      chmodSync(output, 0o755);
      checkMade({ file: output, platform, bundle: readFileSync(bundle), version });
      console.log(
        `${executableName(platform)} ${(statSync(output).size / 1e6).toFixed(0)} MB, Node ${versions.get(platform)}`,
      );
    }
    for (const name of platforms.map(executableName)) {
      if (isSigned(readFileSync(join(folder, name)))) continue;
      console.error(
        `warning: ${name} is not signed, and Apple silicon does not start it; on a Mac, run \`codesign --force --sign - ${name}\` before you publish it`,
      );
    }
    await writeLicenses(folder, platforms);
    writeChecksums(folder, [...platforms.map(executableName), "LICENSES.txt"]);
    if (reference !== undefined) push(bundle, request);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}
