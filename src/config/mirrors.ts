/** Which mirrors a repository has, by the configuration's prefixes. */
import { belowPrefix, type RegistryLocation } from "../model/reference.ts";
import type { Settings } from "./settings.ts";

/** The mirrors of the longest prefix that covers the repository, in their order; none where none is configured. */
export function mirrorsOf(location: RegistryLocation, settings: Settings): readonly RegistryLocation[] {
  let longest = -1;
  let mirrors: readonly RegistryLocation[] = [];
  for (const named of settings.registries.values()) {
    const below = belowPrefix(location, named.prefix);
    if (below === undefined || named.mirrors.length === 0 || named.prefix.repository.length <= longest) continue;
    longest = named.prefix.repository.length;
    mirrors = named.mirrors.map(({ registry, repository }) => ({
      kind: "registry",
      registry,
      repository: [repository, below].filter((part) => part !== "").join("/"),
    }));
  }
  return mirrors;
}
