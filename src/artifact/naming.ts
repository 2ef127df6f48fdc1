/** Parsing of references, with the configuration's names and default registry. */
import { UsageError } from "../errors.ts";
import { parseReference, qualifyReference, type Reference } from "../model/reference.ts";
import { registryIn } from "../model/registry-host.ts";
import { expandName } from "../model/repository-prefix.ts";
import type { Services } from "./services.ts";

export type NamingServices = Pick<Services, "settings" | "noteNamed">;

/**
 * Parses a reference; expands a configured name, or else adds the default registry.
 *
 * @throws {UsageError} `REFERENCE_INVALID`, `DIGEST_INVALID`, `REGISTRY_NOT_NAMED`
 */
export function readReference(text: string, services: NamingServices): Reference {
  return parseReference(expandNamed(text, services), services.settings.registry);
}

/** Records the host of a reference from the command line; never called for the references of a lock. */
export function noteNamed(text: string, services: NamingServices): void {
  const registry = registryIn(text);
  if (registry !== undefined) services.noteNamed(registry);
}

/** {@link readReference} for a reference from the command line. */
export function readNamed(text: string, services: NamingServices): Reference {
  noteNamed(text, services);
  return readReference(text, services);
}

/**
 * {@link readNamed} for a reference to write or delete. Names and the default registry of a project's file count for
 * reading only: a checkout must not choose where the user's files go, or what is deleted with the user's login.
 *
 * @throws {UsageError} as {@link readNamed}, and `REGISTRY_NOT_NAMED` if only the project's file names the registry
 */
export function readTarget(text: string, services: NamingServices): Reference {
  const { registry, ownRegistry, registries, foundIn } = services.settings;
  const expanded = expandNamed(text, services);
  if (expanded !== text) {
    const [name = ""] = text.split("/", 1);
    const named = registries.get(name);
    if (named?.isOwn === false) throw onlyOfProject(`\`${name}\` in ${text} is defined in ${named.foundIn}`, expanded);
    return readNamed(text, services);
  }
  if (registry !== ownRegistry) {
    const qualified = qualifyReference(text, registry);
    if (qualified !== text) {
      throw onlyOfProject(`${text} names no registry, and only ${foundIn.registry} sets a default`, qualified);
    }
  }
  return readNamed(text, services);
}

function onlyOfProject(what: string, meant: string): UsageError {
  return new UsageError("REGISTRY_NOT_NAMED", what, {
    hint: `write the full reference if you mean ${meant}: a project's file names registries for reading only`,
  });
}

/** Replaces a configured name by its prefix. */
export function expandNamed(text: string, { settings }: Pick<NamingServices, "settings">): string {
  return expandName(text, new Map([...settings.registries].map(([name, { prefix }]) => [name, prefix])));
}
