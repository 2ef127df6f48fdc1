/** One standalone executable: Node with the bundle in it, made by pkg. */
import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { root } from "../bundle.mjs";
import { fetchNode, isWindows, ownPlatform } from "./nodes.mjs";
import { stripped } from "./strip.mjs";

/** Platforms in the words of pkg. */
const targets = {
  "linux-x86_64": { platform: "linux", arch: "x64" },
  "linux-aarch64": { platform: "linux", arch: "arm64" },
  "darwin-x86_64": { platform: "macos", arch: "x64" },
  "darwin-arm64": { platform: "macos", arch: "arm64" },
  "windows-x86_64": { platform: "win", arch: "x64" },
  "windows-arm64": { platform: "win", arch: "arm64" },
};

/** Places the file without a copy where the system can. */
function link(path, file) {
  mkdirSync(dirname(path), { recursive: true });
  rmSync(path, { force: true });
  symlinkSync(file, path);
}

/**
 * Folder `.pkg-cache/sea` of a home, as pkg 6.23 leaves it after a download: without it, pkg asks another host for the Node of another
 * platform. pkg looks at marks beside the files, and checked the archive before it wrote the marks; here npm's integrity was checked.
 */
function layOutPkgHome(home, { platform, arch }, { node, version }) {
  const os = platform === "macos" ? "darwin" : platform;
  const name = `node-v${version}-${os}-${arch}`;
  const cache = join(home, ".pkg-cache/sea");
  const [archive, file] = os === "win" ? [`${name}.zip`, `${name}.exe`] : [`${name}.tar.gz`, join(name, "bin/node")];
  link(join(cache, file), node);
  for (const mark of [archive, `${archive}.ok`, `${file}.ok`]) writeFileSync(join(cache, mark), "");
}

/**
 * @param request `platform`, `version` of Node, `bundle`: path of the bundle, and `output`: path of the executable. `nodes` has the paths of
 *   two Nodes of this version that are there already: `target` for the platform, and `generator` for this machine; without it, both are fetched.
 * @returns nothing; `checkMade` looks at the result
 */
export async function makeExecutable({ platform, version, bundle, output, nodes }) {
  const target = targets[platform];
  const isOwn = platform === ownPlatform;
  const node = nodes?.target ?? stripped(await fetchNode(platform, version), platform);
  const generator = nodes?.generator ?? (await fetchNode(ownPlatform, version));
  const home = join(root, "build/nodes/pkg-home");
  if (!isOwn) layOutPkgHome(home, target, { node, version });
  rmSync(output, { force: true });
  mkdirSync(dirname(output), { recursive: true });
  // Threads run the bundle, too, and only an asset can be read back.
  const request = { main: bundle, assets: { "buck2-oras.cjs": bundle }, output, node, target, version, isOwn };
  execFileSync(generator, [join(import.meta.dirname, "sea.mjs"), JSON.stringify(request)], {
    cwd: root,
    env: { ...process.env, HOME: home, USERPROFILE: home },
    stdio: ["ignore", "ignore", "inherit"],
  });
}

export function executableName(platform) {
  return `buck2-oras-${platform}${isWindows(platform) ? ".exe" : ""}`;
}
