/**
 * Table of platform strings with their OCI platforms and Node's names. `prelude_ext/platforms.bzl` maps them to Buck2's
 * constraints; a test keeps both tables in step.
 */
import { UsageError } from "../errors.ts";

/** OCI image-spec v1.1.1, image-index.md, "platform". */
export interface OciPlatform {
  readonly os: string;
  readonly architecture: string;
}

/** A platform as a publisher states it. */
export interface StatedPlatform extends OciPlatform {
  /** Version of the processors, such as `v8` of `arm64`. */
  readonly variant?: string | undefined;
  /** Features that the system must have, such as the C library `musl`. */
  readonly osFeatures?: readonly string[];
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

/** OCI's words and their synonyms in file names, target triples and other build systems. */
const osWords: ReadonlyMap<string, string> = new Map([
  ["linux", "linux"],
  ["darwin", "darwin"],
  ["macos", "darwin"],
  ["macosx", "darwin"],
  ["osx", "darwin"],
  ["mac", "darwin"],
  ["windows", "windows"],
  ["win32", "windows"],
  ["win", "windows"],
]);
const cpuWords: ReadonlyMap<string, string> = new Map([
  ["amd64", "amd64"],
  ["x64", "amd64"],
  ["arm64", "arm64"],
  ["aarch64", "arm64"],
]);
/** Vendor and environment of a target triple, and OCI's variant of `arm64` or `amd64`. */
const furtherWords: ReadonlySet<string> = new Set("unknown pc apple gnu musl msvc gnullvm v1 v2 v3 v4 v8".split(" "));

function only<T>(values: readonly T[]): T | undefined {
  return values.length === 1 ? values[0] : undefined;
}

/** The platform that text with one system, one processor and no unknown word means. */
function meantPlatform(text: string): PlatformString | undefined {
  const lower = text.toLowerCase().replace(/x86[-_]64/, "amd64");
  const words = lower.replace(/aarch_64/, "aarch64").split(/[-_/]/);
  // A triple of Apple may have the kernel's version: `darwin21.6.0`.
  const plain = words.map((word) => word.replace(/^(darwin|macosx?)[0-9.]+$/, "$1"));
  const os = only(plain.flatMap((word) => osWords.get(word) ?? []));
  const architecture = only(plain.flatMap((word) => cpuWords.get(word) ?? []));
  const isKnown = (word: string): boolean => osWords.has(word) || cpuWords.has(word) || furtherWords.has(word);
  if (os === undefined || architecture === undefined || !plain.every(isKnown)) return undefined;
  return platformFromOci({ os, architecture });
}

/**
 * Parses a platform string, or the same platform in other words: `linux/amd64`, `macos-arm64`,
 * `x86_64-unknown-linux-gnu`.
 *
 * @throws {UsageError} `PLATFORM_UNKNOWN`
 */
export function parsePlatform(text: string): PlatformString {
  const meant = isPlatformString(text) ? text : meantPlatform(text);
  if (meant !== undefined) return meant;
  throw new UsageError("PLATFORM_UNKNOWN", `unknown platform ${JSON.stringify(text)}`, {
    hint: `choose one of ${platformStrings.join(", ")}`,
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

/** The OCI form with all parts, such as `linux/amd64/v3` or `linux/arm64 (musl)`, as the publisher wrote the words. */
export function formatStated({ os, architecture, variant, osFeatures = [] }: StatedPlatform): string {
  const parts = [os, architecture, variant].filter((part) => part !== undefined && part !== "");
  return `${parts.join("/")}${osFeatures.length === 0 ? "" : ` (${osFeatures.join(", ")})`}`;
}

/** The variant that every processor of the architecture runs. */
const baselines: Readonly<Record<string, string>> = { amd64: "v1", arm64: "v8" };

/** 0 for programs that run on every processor of the platform; more for programs that need newer processors. */
export function variantRank({ architecture, variant = "" }: StatedPlatform): number {
  if (variant === "" || variant === baselines[architecture]) return 0;
  const version = Number.parseFloat(/^v([0-9]+(?:\.[0-9]+)?)/.exec(variant)?.[1] ?? "");
  return Number.isNaN(version) ? Number.MAX_SAFE_INTEGER : version;
}

/**
 * The platform string of a stated platform; undefined outside the table. A program for Linux that needs a feature of the
 * system, such as `musl`, is outside the table; images for Windows state features of every Windows.
 */
export function platformFromStated(platform: StatedPlatform): PlatformString | undefined {
  if (platform.os !== "windows" && (platform.osFeatures ?? []).length > 0) return undefined;
  return platformFromOci(platform);
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
