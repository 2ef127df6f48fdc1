/** What the rows share: a folder, an environment, Nodes, registries, published files. All are made at their first use. */
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { root } from "../../scripts/bundle.mjs";
import { executable, find } from "../support.mjs";
import { createPublications } from "./publications.mjs";
import { createRegistries } from "./registries.mjs";

const platformOfNode = `${process.platform}-${process.arch}`;
const standaloneNames = { "linux-x64": "linux-x86_64", "linux-arm64": "linux-aarch64", "darwin-arm64": "darwin-arm64" };

/** Node 24 as the tests install it; else the Node that runs this, if new enough. */
function findNode24() {
  const installed = join(root, ".test-nodes/24/node_modules", `node-${platformOfNode}`, "bin/node");
  if (existsSync(installed)) return installed;
  return process.versions.node.startsWith("24.") ? process.execPath : undefined;
}

function findStandalone() {
  const file = join(root, "build/standalone", `buck2-oras-${standaloneNames[platformOfNode]}`);
  return existsSync(file) ? file : undefined;
}

/** Variables of the user would change what the contenders do: a fresh home, and no settings. */
function cleanEnvironment(home) {
  const kept = ["PATH", "LANG", "TMPDIR", "TERM"].flatMap((name) =>
    process.env[name] === undefined ? [] : [[name, process.env[name]]],
  );
  return { ...Object.fromEntries(kept), HOME: home, OCX_NO_UPDATE_CHECK: "1" };
}

export function createBench() {
  const work = mkdtempSync(join(tmpdir(), "buck2-oras-bench-"));
  const home = join(work, "home");
  mkdirSync(home);
  const env = cleanEnvironment(home);
  const ends = [];
  const onEnd = (end) => ends.push(end);
  const registries = createRegistries(work, onEnd);
  const node24 = findNode24();
  const standalone = findStandalone();

  /** Our executable as a contender: on Node 24, or standalone. */
  function ours(kind, args, more = {}) {
    const starts = { node24: [node24, executable], node: [process.execPath, executable], standalone: [standalone] };
    const start = starts[kind];
    if (start[0] === undefined) return { missing: kind === "node24" ? "Node 24" : "standalone executable" };
    return { command: [...start, ...args], ...more, env: { ...env, ...more.env } };
  }

  /** Another program as a contender. */
  function peer(name, args, more = {}) {
    const program = find(name);
    if (program === undefined) return { missing: name };
    return { command: [program, ...args], ...more, env: { ...env, ...more.env } };
  }

  /** The least that Node 24 needs for a blob. @param source Address or file. */
  function least(source, digest, prepare) {
    if (node24 === undefined) return { missing: "Node 24" };
    const command = [node24, join(root, "bench/least.cjs"), source, join(work, "out-least"), digest];
    return { command, env, prepare };
  }

  return {
    work,
    home,
    env,
    node24,
    standalone,
    registries,
    onEnd,
    ours,
    peer,
    least,
    publications: createPublications(work, env, registries),
    async end() {
      for (const end of ends.reverse()) {
        try {
          await end();
        } catch {
          // The rest still has to end.
        }
      }
      rmSync(work, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}

/** Empties a cache folder, as on a machine that has run the executable before but holds no blobs: compiled code stays. */
export function emptyStore(cacheDir) {
  for (const name of existsSync(cacheDir) ? readdirSync(cacheDir) : []) {
    if (/code|compile/.test(name)) continue;
    rmSync(join(cacheDir, name), { recursive: true, force: true });
  }
}

/** Makes an empty folder. */
export function emptyFolder(folder) {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
}
