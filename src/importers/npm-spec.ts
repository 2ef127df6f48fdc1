/**
 * Names and versions as npm's registry has them.
 *
 * Whoever publishes a package writes those of its dependencies, and npm takes much else in their place: an option, a folder, an
 * archive, a repository whose scripts it runs. What passes here is a name and a version to every npm.
 *
 * @see docs.npmjs.com, "package.json", "name" and "dependencies"; semver.org, 2.0.0; npm-package-arg, `resolve`
 */

/** A package and one version of it. */
export interface NpmSpec {
  /** With its scope. */
  readonly name: string;
  readonly version: string;
}

const namePattern = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
/** The name of a package, with its scope. */
const maxNameLength = 214;
const number = "(?:0|[1-9][0-9]*)";
const identifiers = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const versionPattern = new RegExp(`^${number}\\.${number}\\.${number}(?:-${identifiers})?(?:\\+${identifiers})?$`);
const maxVersionLength = 256;
/** npm takes what ends so for a file in the folder that it runs in. */
const archiveEnding = /\.(?:tgz|tar|tar\.gz)$/i;

function isName(text: string): boolean {
  return text.length <= maxNameLength && namePattern.test(text) && !archiveEnding.test(text);
}

function isVersion(text: string): boolean {
  return text.length <= maxVersionLength && versionPattern.test(text) && !archiveEnding.test(text);
}

/** @returns undefined for what is not `NAME@VERSION` with an exact version. */
export function parseNpmSpec(text: string): NpmSpec | undefined {
  const at = text.lastIndexOf("@");
  if (at <= 0) return undefined;
  const [name, version] = [text.slice(0, at), text.slice(at + 1)];
  return isName(name) && isVersion(version) ? { name, version } : undefined;
}

/**
 * An entry of `optionalDependencies`; an alias (`npm:NAME@VERSION`) is what it stands for.
 *
 * @returns undefined for a range, a tag, and what comes from anywhere but the registry.
 */
export function parseNpmDependency(name: string, wanted: string): NpmSpec | undefined {
  if (!isName(name)) return undefined;
  if (wanted.startsWith("npm:")) return parseNpmSpec(wanted.slice("npm:".length));
  return isVersion(wanted) ? { name, version: wanted } : undefined;
}
