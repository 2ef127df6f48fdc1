/** What every use case works with; put together in `main.ts` and `index.ts`, and by tests. */
import type { Logins } from "../config/logins.ts";
import type { Settings } from "../config/settings.ts";
import type { Context } from "../context.ts";
import { type OrasClientError, RegistryUnavailableError, UsageError } from "../errors.ts";
import type { BasicCredentials } from "../model/credentials.ts";
import {
  expandName,
  type Location,
  parseReference,
  qualifyReference,
  type Reference,
  type RegistryLocation,
  registryIn,
} from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import type { RegistryProbe } from "../registry/probe.ts";
import type { Store } from "../store/store.ts";
import type { PartBuffers } from "./part-buffers.ts";
import type { MirrorHealth } from "./sources.ts";

export interface ClientDeps {
  readonly context: Context;
  readonly settings: Settings;
  /** When the command has to be done, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly store: Store;
  /** Runs `work` with a store that nobody else can write into and that is removed afterwards. */
  readonly withPrivateStore: <T>(work: (deps: ClientDeps) => Promise<T>) => Promise<T>;
  /** What only `doctor` asks of a registry. */
  readonly probe: (location: RegistryLocation) => RegistryProbe;
  /** Fetches a file over http, verified; nothing is kept when it is another one. */
  readonly download: (url: URL, sha256: string, path: string, signal: AbortSignal) => Promise<void>;
  readonly logins: Logins;
  /** False: the registry asks for no login. @throws {RegistryAuthError} the registry refuses the login */
  readonly checkLogin: (registry: string, credentials: BasicCredentials, signal: AbortSignal) => Promise<boolean>;
  /** Waits for one of the transfers under way to end when there are as many as the settings allow. */
  readonly limitTransfers: <T>(transfer: () => Promise<T>) => Promise<T>;
  /** True when `limitTransfers` would not wait. */
  readonly hasFreeTransfer: () => boolean;
  /**
   * Waits where as much is under way already that has files or connections open: a process may open 256 on some systems, and a graph has
   * as many nodes as its author likes. What it runs may wait for a transfer, and never for more of its own kind.
   */
  readonly limitOpen: <T>(work: () => Promise<T>) => Promise<T>;
  readonly partBuffers: PartBuffers;
  readonly mirrorHealth: MirrorHealth;
  /** Something was added to the cache: it is looked at when the command ends (`retainCache`). */
  readonly noteGrowth: () => void;
  /** The caller wrote this host: a bare `--plain-http` lets logins go there. Nothing that a checkout says is noted so. */
  readonly noteNamed: (registry: string) => void;
  /** Opens the registry or the layout folder that a location names; no request is made yet. */
  readonly open: (location: Location) => Target;
}

/**
 * Parses a reference, with the configuration's names and default registry.
 *
 * @throws {UsageError} `REFERENCE_INVALID`, `DIGEST_INVALID`, `REGISTRY_NOT_NAMED`
 */
export function readReference(text: string, deps: ClientDeps): Reference {
  return parseReference(expandNamed(text, deps), deps.settings.registry);
}

/**
 * Notes the host that stands in a reference of the command line. A lock's references are read by the same functions and never come
 * here.
 */
export function noteNamed(text: string, deps: ClientDeps): void {
  const registry = registryIn(text);
  if (registry !== undefined) deps.noteNamed(registry);
}

/** {@link readReference} for what the command line names. */
export function readNamed(text: string, deps: ClientDeps): Reference {
  noteNamed(text, deps);
  return readReference(text, deps);
}

/**
 * {@link readNamed} for what is written or deleted. Names and the default registry of a project's file are for reading: where
 * the user's files go, and what is deleted with his login, is not for a checkout to say.
 *
 * @throws {UsageError} as there, and `REGISTRY_NOT_NAMED` where only the project's file says which registry it is
 */
export function readTarget(text: string, deps: ClientDeps): Reference {
  const { registry, ownRegistry, registries, sources } = deps.settings;
  const expanded = expandNamed(text, deps);
  if (expanded !== text) {
    const [name = ""] = text.split("/", 1);
    const named = registries.get(name);
    if (named?.isOwn === false) throw onlyOfProject(`\`${name}\` in ${text} is a name of ${named.source}`, expanded);
    return readNamed(text, deps);
  }
  if (registry !== ownRegistry) {
    const qualified = qualifyReference(text, registry);
    if (qualified !== text) {
      throw onlyOfProject(`${text} names no registry, and only ${sources.registry} has a default one`, qualified);
    }
  }
  return readNamed(text, deps);
}

function onlyOfProject(what: string, meant: string): UsageError {
  return new UsageError("REGISTRY_NOT_NAMED", what, {
    hint: `a project's file says where to read, not where to write or delete: if you mean ${meant}, write that`,
  });
}

/** Writes a configured prefix in place of its name. */
export function expandNamed(text: string, { settings }: ClientDeps): string {
  return expandName(text, new Map([...settings.registries].map(([name, { prefix }]) => [name, prefix])));
}

/** For what cannot be had without the network while `--offline` holds; a layout folder needs no network. */
export function offlineError(what: string): OrasClientError {
  return new RegistryUnavailableError("OFFLINE", `${what} is not in the cache, and --offline forbids asking for it`, {
    hint: "run the same command once without --offline",
  });
}

/** {@link offlineError} for what a reference means: of a tag, a cache that others write into says nothing, however often it is filled. */
export async function offlineErrorOf(
  { digest }: Reference,
  text: string,
  { store, settings }: ClientDeps,
): Promise<OrasClientError> {
  const shared = digest === undefined ? await store.sharedBecause() : undefined;
  if (shared === undefined) return offlineError(text);
  return new RegistryUnavailableError(
    "OFFLINE",
    `what ${text} means is not taken from the cache ${settings.cacheDir}, since ${shared}, and --offline forbids asking for it`,
    { hint: "name the artifact by its digest, or a cache of your own with --cache-dir" },
  );
}
