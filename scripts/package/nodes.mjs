/**
 * Executables of Node for the standalone executables, from the npm registry: pinned by version and integrity in `nodes.json`, kept in
 * `build/nodes/`.
 */
import { execFile } from "node:child_process";
import { createHash } from "node:crypto";
import { createReadStream, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { chmod, readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { promisify } from "node:util";
import { createGunzip } from "node:zlib";
import { extract } from "tar-stream";
import { root } from "../bundle.mjs";

/**
 * `versions`: platform string → version of its executable. Node 24 needs no libatomic, which small systems for Linux lack; for some platforms
 * the registry has no such Node. `nodes`: version → platform string → npm package and its integrity. The blob of each executable is made by a
 * Node of the same version, for the machine that makes it.
 */
const pinned = JSON.parse(readFileSync(join(import.meta.dirname, "nodes.json"), "utf8"));
const names = new Map([
  ["linux-x64", "linux-x86_64"],
  ["linux-arm64", "linux-aarch64"],
  ["darwin-x64", "darwin-x86_64"],
  ["darwin-arm64", "darwin-arm64"],
  ["win32-x64", "windows-x86_64"],
  ["win32-arm64", "windows-arm64"],
]);

/** Platform string of this machine; undefined for a machine without one. */
export const ownPlatform = names.get(`${process.platform}-${process.arch}`);

/** Platform string → version of Node in its executable. */
export const versions = new Map(Object.entries(pinned.versions));

export const isWindows = (platform) => platform.startsWith("windows-");

/** Folder with Node's executable, after `fetchNode`. */
function nodeFolder(platform, version) {
  return join(root, "build/nodes", `${version}-${platform}`);
}

export function nodeFile(platform, version) {
  return join(nodeFolder(platform, version), isWindows(platform) ? "node.exe" : "node");
}

/** Downloads the package with the user's own npm: its configuration and mirrors count. */
async function download(folder, { package: name, integrity }, version) {
  const args = ["pack", "--silent", "--ignore-scripts", "--pack-destination", folder, `${name}@${version}`];
  const options = { cwd: folder, shell: process.platform === "win32" };
  await promisify(execFile)("npm", args, options).catch((cause) => {
    throw new Error(`cannot fetch ${name}@${version} with npm: ${cause.stderr || cause.message}`, { cause });
  });
  const archive = join(folder, `${name}-${version}.tgz`);
  const found = `sha512-${createHash("sha512")
    .update(await readFile(archive))
    .digest("base64")}`;
  if (found !== integrity) throw new Error(`${name}@${version} has the integrity ${found}, not ${integrity}`);
  return archive;
}

/** Writes the wanted members of an npm package: path in the package → file. */
async function unpack(archive, wanted) {
  const tar = extract();
  const done = pipeline(createReadStream(archive), createGunzip(), tar);
  for await (const entry of tar) {
    const file = wanted.get(entry.header.name);
    if (file === undefined) entry.resume();
    else await writeFile(file, entry);
  }
  await done;
}

/** @returns path of the verified executable, from the folder of earlier calls if it is there */
export async function fetchNode(platform, version) {
  const pin = pinned.nodes[version]?.[platform];
  if (pin === undefined) throw new Error(`no Node ${version} is pinned for ${platform} in scripts/package/nodes.json`);
  const folder = nodeFolder(platform, version);
  const file = nodeFile(platform, version);
  if (existsSync(file)) return file;
  mkdirSync(dirname(folder), { recursive: true });
  const staged = mkdtempSync(join(dirname(folder), ".staged-"));
  try {
    const archive = await download(staged, pin, version);
    const program = isWindows(platform) ? "node.exe" : "node";
    await unpack(
      archive,
      new Map([
        [`package/bin/${program}`, join(staged, program)],
        ["package/LICENSE", join(staged, "LICENSE")],
      ]),
    );
    await chmod(join(staged, program), 0o755);
    rmSync(archive);
    rmSync(folder, { recursive: true, force: true });
    renameSync(staged, folder);
  } finally {
    rmSync(staged, { recursive: true, force: true });
  }
  return file;
}

/**
 * Fetches the licences of a version of Node and of all that it contains. The registry's packages for Windows lack them.
 *
 * @returns path of the text
 */
export async function fetchLicense(version) {
  const pins = pinned.nodes[version] ?? {};
  const platform = [ownPlatform, ...Object.keys(pins)].find((one) => pins[one] !== undefined && !isWindows(one));
  if (platform === undefined)
    throw new Error(`no Node ${version} with its licence is pinned in scripts/package/nodes.json`);
  await fetchNode(platform, version);
  return join(nodeFolder(platform, version), "LICENSE");
}
