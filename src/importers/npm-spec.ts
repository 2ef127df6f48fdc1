/**
 * Strict parser of names and exact versions of npm packages.
 *
 * A package's publisher controls the names and versions of the dependencies. npm accepts other texts in their place:
 * an option, a folder, an archive, a repository whose scripts npm runs. Text that passes this parser is a name and a
 * version to every npm. Ranges and tags never reach npm: `pickVersion` chooses the version.
 *
 * @see docs.npmjs.com, "package.json", "name" and "dependencies"; semver.org, 2.0.0; npm-package-arg, `resolve`
 */

import satisfies from "semver/functions/satisfies.js";
import maxSatisfying from "semver/ranges/max-satisfying.js";
import validRange from "semver/ranges/valid.js";

/** A package and one version of it. */
export interface NpmSpec {
  /** With the scope. */
  readonly name: string;
  readonly version: string;
}

/** A package, and the version that a dependency wants: an exact version, a range, or a tag. */
export interface NpmDependency {
  readonly name: string;
  readonly wanted: string;
}

const namePattern = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
/** Characters of a name, with the scope. */
const maxNameLength = 214;
const number = "(?:0|[1-9][0-9]*)";
const identifiers = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const versionPattern = new RegExp(`^${number}\\.${number}\\.${number}(?:-${identifiers})?(?:\\+${identifiers})?$`);
const maxVersionLength = 256;
const tagPattern = /^[a-z][a-z0-9-]*$/i;
/** npm takes a text with this ending for a file in its working folder. */
const archiveEnding = /\.(?:tgz|tar|tar\.gz)$/i;

export function isNpmName(text: string): boolean {
  return text.length <= maxNameLength && namePattern.test(text) && !archiveEnding.test(text);
}

export function isNpmVersion(text: string): boolean {
  return text.length <= maxVersionLength && versionPattern.test(text) && !archiveEnding.test(text);
}

/** @returns undefined for anything but `NAME@VERSION` with an exact version. */
export function parseNpmSpec(text: string): NpmSpec | undefined {
  const at = text.lastIndexOf("@");
  if (at <= 0) return undefined;
  const [name, version] = [text.slice(0, at), text.slice(at + 1)];
  return isNpmName(name) && isNpmVersion(version) ? { name, version } : undefined;
}

/**
 * Parses an entry of `optionalDependencies`; an alias (`npm:NAME@WANTED`) gives the aliased package.
 *
 * @returns undefined for any source but the registry.
 */
export function parseNpmDependency(name: string, wanted: string): NpmDependency | undefined {
  if (!isNpmName(name)) return undefined;
  const text = wanted.trim();
  if (!text.startsWith("npm:")) return isWanted(text) ? { name, wanted: text } : undefined;
  const alias = text.slice("npm:".length);
  // The first character may be the `@` of a scope.
  const at = alias.indexOf("@", 1);
  const [target, version] = at === -1 ? [alias, "*"] : [alias.slice(0, at), alias.slice(at + 1)];
  return isNpmName(target) && isWanted(version) ? { name: target, wanted: version } : undefined;
}

function isWanted(text: string): boolean {
  if (text.length > maxVersionLength || archiveEnding.test(text)) return false;
  return isNpmVersion(text) || tagPattern.test(text) || validRange(text) !== null;
}

/** Versions and tags of a package, as the registry states them. */
export interface NpmVersions {
  readonly versions: readonly string[];
  readonly tags: Readonly<Record<string, string>>;
}

/**
 * Chooses a version as npm does: the version of a tag; `latest`, if the range permits it; else the highest version.
 *
 * @returns undefined if no version fits.
 * @see npm-pick-manifest, "Algorithm"
 */
export function pickVersion(wanted: string, { versions, tags }: NpmVersions): string | undefined {
  const exact = versions.filter(isNpmVersion);
  if (exact.includes(wanted)) return wanted;
  const tagged = Object.hasOwn(tags, wanted) ? tags[wanted] : undefined;
  if (tagged !== undefined) return exact.includes(tagged) ? tagged : undefined;
  const { latest } = tags;
  if (latest !== undefined && exact.includes(latest) && satisfies(latest, wanted)) return latest;
  return maxSatisfying(exact, wanted) ?? undefined;
}
