/** Prefixes of repositories: a registry, or a name's place in a registry. */
import { isRepository, type RegistryLocation } from "./location.ts";
import { invalidReference } from "./reference-errors.ts";
import { isDockerHub, parseRegistry } from "./registry-host.ts";

/** A registry, and the first path components of repositories in the registry. */
export interface RepositoryPrefix {
  readonly registry: string;
  /** Empty for the whole registry. */
  readonly repository: string;
}

/**
 * Parses `HOST` or `HOST/REPOSITORY`.
 *
 * @throws {UsageError} `REFERENCE_INVALID`
 */
export function parseRepositoryPrefix(text: string): RepositoryPrefix {
  const slash = text.indexOf("/");
  const registry = parseRegistry(slash === -1 ? text : text.slice(0, slash));
  const repository = slash === -1 ? "" : text.slice(slash + 1);
  if (repository === "" ? slash !== -1 : !isRepository(repository)) {
    throw invalidReference(text, "a prefix is a host and the first parts of a repository");
  }
  return { registry, repository };
}

/** @returns The repository's path below the prefix, empty for the prefix itself; undefined for a location elsewhere. */
export function belowPrefix(location: RegistryLocation, prefix: RepositoryPrefix): string | undefined {
  if (location.registry !== prefix.registry) return undefined;
  if (prefix.repository === "") return location.repository;
  if (location.repository === prefix.repository) return "";
  return location.repository.startsWith(`${prefix.repository}/`)
    ? location.repository.slice(prefix.repository.length + 1)
    : undefined;
}

/** `docker.io/alpine` in a reference is `docker.io/library/alpine`: so is such a prefix, beside the namespace of that name. */
export function officialImage({ registry, repository }: RepositoryPrefix): RepositoryPrefix | undefined {
  if (!isDockerHub(registry) || repository === "") return undefined;
  return repository.includes("/") ? undefined : { registry, repository: `library/${repository}` };
}

/**
 * Replaces the name at the beginning of a reference or template by its prefix. Other text is returned unchanged.
 *
 * @param prefixes Keyed by name.
 */
export function expandName(text: string, prefixes: ReadonlyMap<string, RepositoryPrefix>): string {
  const slash = text.indexOf("/");
  const prefix = slash === -1 || text.startsWith("oci:") ? undefined : prefixes.get(text.slice(0, slash));
  if (prefix === undefined) return text;
  const { registry, repository } = prefix;
  return [registry, ...(repository === "" ? [] : [repository]), text.slice(slash + 1)].join("/");
}
