/**
 * Table of platform strings with their OCI platforms and Node's names. `prelude_ext/platforms.bzl` maps them to Buck2's
 * constraints; a test keeps both tables in step.
 */
import { UsageError } from "../errors.ts";

/** OCI image-spec v1.1.1, image-index.md, "platform"; `variant` and `os.*` are ignored. */
export interface OciPlatform {
  readonly os: string;
  readonly architecture: string;
}

interface PlatformRow extends OciPlatform {
  /** `process.platform` and `process.arch`. */
  readonly nodeOs: string;
  readonly nodeCpu: string;
}

const platforms = {
  "linux-x86_64": { os: "linux", architecture: "amd64", nodeOs: "linux", nodeCpu: "x64" },
  "linux-aarch64": { os: "linux", architecture: "arm64", nodeOs: "linux", nodeCpu: "arm64" },
  "darwin-x86_64": { os: "darwin", architecture: "amd64", nodeOs: "darwin", nodeCpu: "x64" },
  "darwin-arm64": { os: "darwin", architecture: "arm64", nodeOs: "darwin", nodeCpu: "arm64" },
  "windows-x86_64": { os: "windows", architecture: "amd64", nodeOs: "win32", nodeCpu: "x64" },
  "windows-arm64": { os: "windows", architecture: "arm64", nodeOs: "win32", nodeCpu: "arm64" },
} as const satisfies Record<string, PlatformRow>;

/** `linux-x86_64`, `darwin-arm64`, … */
export type PlatformString = keyof typeof platforms;

export const platformStrings = Object.keys(platforms) as readonly PlatformString[];

export function isPlatformString(text: string): text is PlatformString {
  return Object.hasOwn(platforms, text);
}

/** Synonyms of OCI's words, from file names and other build systems. */
const osWords: ReadonlyMap<string, string> = new Map([
  ["macos", "darwin"],
  ["osx", "darwin"],
  ["mac", "darwin"],
  ["win32", "windows"],
  ["win", "windows"],
]);
const cpuWords: ReadonlyMap<string, string> = new Map([
  ["x86_64", "amd64"],
  ["x86-64", "amd64"],
  ["x64", "amd64"],
  ["aarch64", "arm64"],
  ["aarch_64", "arm64"],
]);

/** The platform string behind mixed vocabulary such as `linux-amd64` or `macos_x64`. */
function similarPlatform(text: string): PlatformString | undefined {
  const [, os = "", cpu = ""] = /^([a-z0-9]+)[-_/](.+)$/.exec(text.toLowerCase()) ?? [];
  return platformFromOci({ os: osWords.get(os) ?? os, architecture: cpuWords.get(cpu) ?? cpu });
}

/**
 * Parses a platform string or the OCI form `linux/amd64`.
 *
 * @throws {UsageError} `PLATFORM_UNKNOWN`
 */
export function parsePlatform(text: string): PlatformString {
  if (isPlatformString(text)) return text;
  const [os, architecture] = text.split("/");
  const known = platformStrings.find(
    (name) => platforms[name].os === os && platforms[name].architecture === architecture,
  );
  if (known !== undefined) return known;
  const similar = similarPlatform(text);
  throw new UsageError("PLATFORM_UNKNOWN", `unknown platform ${JSON.stringify(text)}`, {
    hint: `${similar === undefined ? "" : `write ${similar}, or `}choose one of ${platformStrings.join(", ")}`,
  });
}

export function ociPlatform(platform: PlatformString): OciPlatform {
  const { os, architecture } = platforms[platform];
  return { os, architecture };
}

/** Node's names of a platform: `process.platform` and `process.arch`. */
export function nodePlatform(platform: PlatformString): { readonly os: string; readonly cpu: string } {
  const { nodeOs, nodeCpu } = platforms[platform];
  return { os: nodeOs, cpu: nodeCpu };
}

/** The platform string of an OCI platform; undefined outside the table, such as for `linux/s390x`. */
export function platformFromOci(platform: OciPlatform): PlatformString | undefined {
  return platformStrings.find(
    (name) => platforms[name].os === platform.os && platforms[name].architecture === platform.architecture,
  );
}

/**
 * The platform string of this machine.
 *
 * @param nodeOs `process.platform`
 * @param nodeCpu `process.arch`
 * @throws {UsageError} `PLATFORM_UNKNOWN` for a machine outside the table.
 */
export function platformFromNode(nodeOs: string, nodeCpu: string): PlatformString {
  const known = platformStrings.find(
    (name) => platforms[name].nodeOs === nodeOs && platforms[name].nodeCpu === nodeCpu,
  );
  if (known !== undefined) return known;
  throw new UsageError("PLATFORM_UNKNOWN", `no platform string for this machine (${nodeOs}/${nodeCpu})`, {
    hint: `name a platform with --platform: ${platformStrings.join(", ")}`,
  });
}
