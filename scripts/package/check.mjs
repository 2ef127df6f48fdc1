/** Whether a standalone executable is what it should be: pkg once took a failed injection for a success. */
import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { ownPlatform } from "./nodes.mjs";

/** Words for pkg's and Node's own mark: `:1` after it says that a blob is to be run. */
const fuse = "NODE_SEA_FUSE_fce680ab2cc467b6e072b8b5df1996b2";
/** First four bytes of the blob. @see src/node_sea.cc of Node, `kMagic` */
const blobMagic = Buffer.from([0x20, 0xda, 0x43, 0x01]);

/** Machine codes of ELF (`e_machine`), Mach-O (`cputype`) and PE (`Machine`). */
const machines = {
  "linux-x86_64": ["ELF", 0x3e],
  "linux-aarch64": ["ELF", 0xb7],
  "darwin-x86_64": ["Mach-O", 0x01000007],
  "darwin-arm64": ["Mach-O", 0x0100000c],
  "windows-x86_64": ["PE", 0x8664],
  "windows-arm64": ["PE", 0xaa64],
};

/** @returns format and machine of an executable's bytes; undefined for anything else */
function machineOf(bytes) {
  if (bytes.length < 64) return undefined;
  if (bytes.readUInt32BE(0) === 0x7f454c46) return ["ELF", bytes.readUInt16LE(18)];
  if (bytes.readUInt32LE(0) === 0xfeedfacf) return ["Mach-O", bytes.readUInt32LE(4)];
  const header = bytes.readUInt32LE(60);
  if (bytes.toString("latin1", 0, 2) !== "MZ" || header + 6 > bytes.length) return undefined;
  return bytes.toString("latin1", header, header + 2) === "PE" ? ["PE", bytes.readUInt16LE(header + 4)] : undefined;
}

function statesOfFuse(bytes) {
  const states = [];
  for (let at = bytes.indexOf(fuse); at !== -1; at = bytes.indexOf(fuse, at + 1)) {
    states.push(bytes.toString("latin1", at + fuse.length, at + fuse.length + 2));
  }
  return states;
}

/** What a run of the executable says of itself, without a Node on the PATH. */
function versionOf(file) {
  const { error, status, stdout, stderr } = spawnSync(file, ["--version"], { env: { PATH: "" }, encoding: "utf8" });
  if (error !== undefined) return error.message;
  return status === 0 ? stdout.trim() : `exit code ${status}: ${stderr}`;
}

/** `LC_CODE_SIGNATURE` of Mach-O. */
const signatureCommand = 0x1d;
const headerBytes = 32;

/** False for an executable for macOS without a signature, which Apple silicon does not start. */
export function isSigned(bytes) {
  if (machineOf(bytes)?.[0] !== "Mach-O") return true;
  let at = headerBytes;
  for (let left = bytes.readUInt32LE(16); left > 0 && at + 8 <= bytes.length; left -= 1) {
    if (bytes.readUInt32LE(at) === signatureCommand) return true;
    at += bytes.readUInt32LE(at + 4);
  }
  return false;
}

/**
 * @param made `file`, its `platform`, the `bundle`'s bytes, and the `version` that it should print
 * @throws Error for the first fault, which names file and fault
 */
export function checkMade({ file, platform, bundle, version }) {
  const bytes = readFileSync(file);
  const fail = (fault) => {
    throw new Error(`${file} ${fault}`);
  };
  const machine = machineOf(bytes)?.join(" ");
  const wanted = machines[platform].join(" ");
  if (machine !== wanted) fail(`is not for ${platform}: it is ${machine ?? "no executable"}, not ${wanted}`);
  const states = statesOfFuse(bytes);
  if (states.length !== 1 || states[0] !== ":1") fail(`is a plain Node: its mark for a blob is «${states.join(" ")}»`);
  if (!bytes.includes(blobMagic) || !bytes.includes(bundle)) fail("does not hold the bundle");
  if (platform !== ownPlatform) return;
  const said = versionOf(file);
  if (said !== `buck2-oras ${version}`) fail(`says «${said}» to --version, not «buck2-oras ${version}»`);
}
