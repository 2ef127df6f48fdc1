/** References, with the configuration's names and default registry. */
import { UsageError } from "../errors.ts";
import { expandName, parseReference, qualifyReference, type Reference, registryIn } from "../model/reference.ts";
import type { Services } from "./services.ts";

type NamingServices = Pick<Services, "settings" | "noteNamed">;

/**
 * Parses a reference, with the configuration's names and default registry.
 *
 * @throws {UsageError} `REFERENCE_INVALID`, `DIGEST_INVALID`, `REGISTRY_NOT_NAMED`
 */
export function readReference(text: string, services: NamingServices): Reference {
  return parseReference(expandNamed(text, services), services.settings.registry);
}

/**
 * Notes the host that stands in a reference of the command line. A lock's references are read by the same functions and never come
 * here.
 */
export function noteNamed(text: string, services: NamingServices): void {
  const registry = registryIn(text);
  if (registry !== undefined) services.noteNamed(registry);
}

/** {@link readReference} for what the command line names. */
export function readNamed(text: string, services: NamingServices): Reference {
  noteNamed(text, services);
  return readReference(text, services);
}

/**
 * {@link readNamed} for what is written or deleted. Names and the default registry of a project's file are for reading: where
 * the user's files go, and what is deleted with his login, is not for a checkout to say.
 *
 * @throws {UsageError} as there, and `REGISTRY_NOT_NAMED` where only the project's file says which registry it is
 */
export function readTarget(text: string, services: NamingServices): Reference {
  const { registry, ownRegistry, registries, foundIn } = services.settings;
  const expanded = expandNamed(text, services);
  if (expanded !== text) {
    const [name = ""] = text.split("/", 1);
    const named = registries.get(name);
    if (named?.isOwn === false) throw onlyOfProject(`\`${name}\` in ${text} is a name of ${named.foundIn}`, expanded);
    return readNamed(text, services);
  }
  if (registry !== ownRegistry) {
    const qualified = qualifyReference(text, registry);
    if (qualified !== text) {
      throw onlyOfProject(`${text} names no registry, and only ${foundIn.registry} has a default one`, qualified);
    }
  }
  return readNamed(text, services);
}

function onlyOfProject(what: string, meant: string): UsageError {
  return new UsageError("REGISTRY_NOT_NAMED", what, {
    hint: `a project's file says where to read, not where to write or delete: if you mean ${meant}, write that`,
  });
}

/** Writes a configured prefix in place of its name. */
export function expandNamed(text: string, { settings }: Pick<NamingServices, "settings">): string {
  return expandName(text, new Map([...settings.registries].map(([name, { prefix }]) => [name, prefix])));
}
