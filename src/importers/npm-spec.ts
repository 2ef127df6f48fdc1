/**
 * Strict parser of names and exact versions of npm packages.
 *
 * A package's publisher controls the names and versions of the dependencies. npm accepts other texts in their place:
 * an option, a folder, an archive, a repository whose scripts npm runs. Text that passes this parser is a name and a
 * version to every npm.
 *
 * @see docs.npmjs.com, "package.json", "name" and "dependencies"; semver.org, 2.0.0; npm-package-arg, `resolve`
 */

/** A package and one version of it. */
export interface NpmSpec {
  /** With the scope. */
  readonly name: string;
  readonly version: string;
}

const namePattern = /^(?:@[a-z0-9][a-z0-9._-]*\/)?[a-z0-9][a-z0-9._-]*$/;
/** Characters of a name, with the scope. */
const maxNameLength = 214;
const number = "(?:0|[1-9][0-9]*)";
const identifiers = "[0-9A-Za-z-]+(?:\\.[0-9A-Za-z-]+)*";
const versionPattern = new RegExp(`^${number}\\.${number}\\.${number}(?:-${identifiers})?(?:\\+${identifiers})?$`);
const maxVersionLength = 256;
/** npm takes a text with this ending for a file in its working folder. */
const archiveEnding = /\.(?:tgz|tar|tar\.gz)$/i;

function isName(text: string): boolean {
  return text.length <= maxNameLength && namePattern.test(text) && !archiveEnding.test(text);
}

function isVersion(text: string): boolean {
  return text.length <= maxVersionLength && versionPattern.test(text) && !archiveEnding.test(text);
}

/** @returns undefined for anything but `NAME@VERSION` with an exact version. */
export function parseNpmSpec(text: string): NpmSpec | undefined {
  const at = text.lastIndexOf("@");
  if (at <= 0) return undefined;
  const [name, version] = [text.slice(0, at), text.slice(at + 1)];
  return isName(name) && isVersion(version) ? { name, version } : undefined;
}

/**
 * Parses an entry of `optionalDependencies`; an alias (`npm:NAME@VERSION`) gives the aliased package.
 *
 * @returns undefined for a range, a tag, and any source but the registry.
 */
export function parseNpmDependency(name: string, wanted: string): NpmSpec | undefined {
  if (!isName(name)) return undefined;
  if (wanted.startsWith("npm:")) return parseNpmSpec(wanted.slice("npm:".length));
  return isVersion(wanted) ? { name, version: wanted } : undefined;
}
