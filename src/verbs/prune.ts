/** `prune`: removes tags of a repository by pattern, count and age, but never artifacts of a lock. */

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { readTarget } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { asError, ConfigurationError, OrasClientError, UsageError } from "../errors.ts";
import { readLock } from "../lockfile/file.ts";
import { findLockFile } from "../locking/find.ts";
import type { Digest } from "../model/digest.ts";
import { formatLocation } from "../model/location.ts";
import { annotationKeys, parseManifest } from "../model/manifest.ts";
import { formatReference } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import { type Attached, attachedTo } from "../publish/attached.ts";
import { type FoundTag, type PruneRules, reasonsToKeep } from "../publish/prune-rules.ts";
import type { Run } from "../transfer/run.ts";

export interface PruneRequest extends PruneRules {
  /** `HOST/REPO` or `oci:DIR`. */
  readonly repository: string;
  /** Patterns of the tags to consider, where `*` stands for any characters; empty: all tags. */
  readonly patterns: readonly string[];
  /** Paths of locks whose digests stay, beside the project's own lock. */
  readonly locks: readonly string[];
  /** False: a dry run. */
  readonly isConfirmed: boolean;
}

export type Fate = "removed" | "would be removed" | "kept";

export interface PrunedTag {
  readonly tag: string;
  readonly digest: Digest;
  /** ISO 8601; undefined without a valid `created` annotation. */
  readonly created: string | undefined;
  readonly fate: Fate;
  readonly why: string;
}

export interface PruneResult {
  readonly repository: string;
  /** Paths of the locks whose artifacts stay. */
  readonly locks: readonly string[];
  readonly tags: readonly PrunedTag[];
  /** Signatures and documents of the artifacts that go. */
  readonly attached: readonly PrunedAttached[];
}

export interface PrunedAttached extends Attached {
  readonly fate: Fate;
}

function patternOf(glob: string): RegExp {
  const escaped = glob.split("*").map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`);
}

/** @throws {UsageError} without count and age: a prune without a rule would remove everything */
export async function prune(request: PruneRequest, services: Services, run: Run): Promise<PruneResult> {
  if (request.keepLast === undefined && request.olderThanDays === undefined) {
    throw new UsageError("USAGE_INVALID", "prune needs a rule: a number of artifacts to keep, or an age", {
      hint: "give --keep-last N, --older-than DAYS, or both",
    });
  }
  return await audited(
    { operation: "prune", reference: request.repository },
    services,
    () => pruneTags(request, services, run),
    () => ({}),
  );
}

async function pruneTags(request: PruneRequest, services: Services, run: Run): Promise<PruneResult> {
  const reference = readTarget(request.repository, services);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    throw new UsageError("REFERENCE_INVALID", `${formatReference(reference)} is one artifact, not a repository`);
  }
  const target = services.open(reference.location);
  const locks = await locksFor(request, services);
  const locked = await lockedDigests(locks);
  const patterns = request.patterns.map(patternOf);
  // Tags of the referrers tag schema belong to their subjects.
  const names = (await target.listTags(run.signal)).filter((tag) => !/^sha256-[0-9a-f]{64}/.test(tag));
  const found = await inParallel(names, run.signal, (tag, either) =>
    services.slots.run(() => lookUp(target, tag, either)),
  );
  const candidates = found.filter(({ tag }) => patterns.length === 0 || patterns.some((pattern) => pattern.test(tag)));
  const reasons = reasonsToKeep({ found, candidates, locked }, request, services.context.now());
  const going = new Set(candidates.filter(({ tag }) => !reasons.has(tag)).map(({ tag }) => tag));
  const plan = planOf(found, going);
  const belongings = await attachedOf(plan, { target, locked }, services, run);
  const stuck = request.isConfirmed ? await remove(target, plan, run.signal) : new Map<string, string>();
  const attached = request.isConfirmed ? await removeAttached(belongings, target, services, run) : belongings;
  const tags = found.map((one): PrunedTag => {
    const { tag, digest, createdMs } = one;
    const created = createdMs === undefined ? undefined : new Date(createdMs).toISOString();
    const isGoing = going.has(tag) && !stuck.has(tag);
    const fate = !isGoing ? "kept" : request.isConfirmed ? "removed" : "would be removed";
    const rule = reasons.get(tag) ?? (isGoing ? "no rule keeps the tag" : "no pattern matches the tag");
    return { tag, digest, created, fate, why: stuck.get(tag) ?? rule };
  });
  return { repository: formatLocation(reference.location), locks, tags, attached };
}

/** The named locks, and the project's own lock if there is one: a command in a project keeps what its builds need. */
async function locksFor({ locks }: PruneRequest, services: Services): Promise<readonly string[]> {
  const { context } = services;
  const own = findLockFile(services);
  const isThere = await stat(resolve(context.cwd, own)).catch(() => undefined);
  const isNamed = locks.some((one) => resolve(context.cwd, one) === resolve(context.cwd, own));
  return isThere === undefined || isNamed ? locks : [own, ...locks];
}

async function lookUp(target: Target, tag: string, signal: AbortSignal): Promise<FoundTag> {
  const { bytes, mediaType, digest } = await target.fetchManifest(tag, signal);
  const parsed = parseManifest(bytes, mediaType, `${target.name}:${tag}`);
  const created = Date.parse(parsed.annotations[annotationKeys.created] ?? "");
  const parts = parsed.kind === "index" ? parsed.manifests.map((one) => one.digest) : [];
  const createdMs = Number.isNaN(created) ? undefined : created;
  return { tag, digest, digests: [digest, ...parts], subject: parsed.subject?.digest, createdMs };
}

async function lockedDigests(files: readonly string[]): Promise<ReadonlySet<Digest>> {
  const digests = new Set<Digest>();
  for (const file of files) {
    const lock = await readLock(file);
    if (lock === undefined) {
      throw new ConfigurationError("LOCK_INVALID", `lock file not found: ${file}`, {
        hint: "correct --lock FILE: only an existing lock keeps artifacts",
      });
    }
    for (const { digest, platforms } of Object.values(lock.tools)) {
      if (digest !== undefined) digests.add(digest);
      for (const { manifest } of Object.values(platforms)) digests.add(manifest);
    }
  }
  return digests;
}

interface Plan {
  /** Digests that staying tags need, and one of these tags. */
  readonly shared: ReadonlyMap<Digest, string>;
  readonly goingTags: readonly FoundTag[];
  /** Manifests that no staying tag needs. */
  readonly unneeded: readonly Digest[];
}

function planOf(found: readonly FoundTag[], going: ReadonlySet<string>): Plan {
  const staying = found.filter(({ tag }) => !going.has(tag));
  const shared = new Map(staying.flatMap(({ tag, digests }) => digests.map((digest) => [digest, tag] as const)));
  const goingTags = found.filter(({ tag }) => going.has(tag));
  const unneeded = [...new Set(goingTags.map(({ digest }) => digest))].filter((digest) => !shared.has(digest));
  return { shared, goingTags, unneeded };
}

/** Manifests that belong to the artifacts that go; looked for before, since some registries forget them with the artifact. */
async function attachedOf(
  { unneeded, shared }: Plan,
  { target, locked }: { readonly target: Target; readonly locked: ReadonlySet<Digest> },
  services: Services,
  { signal }: Run,
): Promise<readonly PrunedAttached[]> {
  const all = await inParallel(unneeded, signal, (digest, either) =>
    services.slots.run(() => attachedTo(digest, target, either)),
  );
  const roots = new Set(unneeded);
  const isOwn = ({ digest }: Attached): boolean => !shared.has(digest) && !locked.has(digest) && !roots.has(digest);
  const own = new Map(all.flat().flatMap((one) => (isOwn(one) ? [[one.digest, one]] : [])));
  return [...own.values()].map((one) => ({ ...one, fate: "would be removed" }));
}

/** A belonging that cannot be removed is no failure: its artifact is gone already. */
async function removeAttached(
  attached: readonly PrunedAttached[],
  target: Target,
  { context }: Services,
  { signal }: Run,
): Promise<readonly PrunedAttached[]> {
  const done: PrunedAttached[] = [];
  for (const one of attached) {
    try {
      await target.deleteManifest(one.digest, signal);
      done.push({ ...one, fate: "removed" });
    } catch (error) {
      signal.throwIfAborted();
      context.log.warn(
        `${one.tag ?? one.digest} stays, which belongs to a removed artifact: ${asError(error).message}`,
      );
      done.push({ ...one, fate: "kept" });
    }
  }
  return done;
}

/**
 * Removes a manifest with its tags; if a staying tag needs the manifest, removes only the other tags.
 *
 * @returns Tags that stay although no rule keeps them, with the reason: some registries (distribution before 3.0)
 *   cannot delete a tag without its manifest.
 */
async function remove(
  target: Target,
  { shared, goingTags, unneeded }: Plan,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  for (const digest of unneeded) await target.deleteManifest(digest, signal);
  const stuck = new Map<string, string>();
  for (const { tag, digest } of goingTags) {
    const other = shared.get(digest);
    if (other === undefined) continue;
    try {
      await target.deleteTag(tag, signal);
    } catch (error) {
      if (!(error instanceof OrasClientError && error.code === "DELETION_REFUSED")) throw error;
      stuck.set(tag, `the registry cannot delete a tag alone, and ${other} is the same artifact`);
    }
  }
  return stuck;
}
