/** Which mirrors a repository has, by the configuration's prefixes. */
import { belowPrefix, type RegistryLocation } from "../model/reference.ts";
import type { NamedRegistry, Settings } from "./settings.ts";

/** The name of the longest prefix that covers the repository; what the user's file says counts before what a checkout says. */
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

/** The mirrors of a repository in their order; none where none is configured. */
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
