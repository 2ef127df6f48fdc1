/** Selection of a repository's mirrors by the configuration's prefixes. */
import type { RegistryLocation } from "../model/location.ts";
import { belowPrefix } from "../model/repository-prefix.ts";
import type { NamedRegistry, Settings } from "./settings.ts";

/** The entry with the longest prefix that covers the repository; entries of the user's file take precedence. */
function covering(location: RegistryLocation, settings: Settings): NamedRegistry | undefined {
  const found = [...settings.registries.values()].filter(
    ({ prefix, mirrors }) => mirrors.length > 0 && belowPrefix(location, prefix) !== undefined,
  );
  const own = found.filter(({ isOwn }) => isOwn);
  const [longest] = (own.length > 0 ? own : found).toSorted(
    (one, other) => other.prefix.repository.length - one.prefix.repository.length,
  );
  return longest;
}

/** The mirrors of a repository, in the configured order. */
export function mirrorsOf(location: RegistryLocation, settings: Settings): readonly RegistryLocation[] {
  const named = covering(location, settings);
  if (named === undefined) return [];
  const below = belowPrefix(location, named.prefix) ?? "";
  return named.mirrors.map(({ registry, repository }) => ({
    kind: "registry",
    registry,
    repository: [repository, below].filter((part) => part !== "").join("/"),
  }));
}
