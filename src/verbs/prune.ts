/** `prune`: removes tags of a repository by pattern, count and age, but never artifacts of a lock. */

import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { readTarget } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { ConfigurationError, OrasClientError, UsageError } from "../errors.ts";
import { readLock } from "../lockfile/file.ts";
import { findLockFile } from "../locking/find.ts";
import type { Digest } from "../model/digest.ts";
import { formatLocation } from "../model/location.ts";
import { annotationKeys, parseManifest } from "../model/manifest.ts";
import { formatReference } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import type { Run } from "../transfer/run.ts";

export interface PruneRequest {
  /** `HOST/REPO` or `oci:DIR`. */
  readonly repository: string;
  /** Patterns of the tags to consider, where `*` stands for any characters; empty: all tags. */
  readonly patterns: readonly string[];
  /** Number of newest artifacts that stay. */
  readonly keepLast: number | undefined;
  /** Removes only artifacts created more days ago; artifacts without a creation time stay. */
  readonly olderThanDays: number | undefined;
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
}

interface FoundTag {
  readonly tag: string;
  readonly digest: Digest;
  /** Digests of the manifest and, for an index, of its platforms' manifests. */
  readonly digests: readonly Digest[];
  readonly createdMs: number | undefined;
}

const dayMs = 24 * 60 * 60 * 1000;

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
  const reasons = reasonsToKeep(candidates, locked, request, services.context.now());
  const going = new Set(candidates.filter(({ tag }) => !reasons.has(tag)).map(({ tag }) => tag));
  const stuck = request.isConfirmed ? await remove(target, found, going, run.signal) : new Map<string, string>();
  const tags = found.map((one): PrunedTag => {
    const { tag, digest, createdMs } = one;
    const created = createdMs === undefined ? undefined : new Date(createdMs).toISOString();
    const isGoing = going.has(tag) && !stuck.has(tag);
    const fate = !isGoing ? "kept" : request.isConfirmed ? "removed" : "would be removed";
    const rule = reasons.get(tag) ?? (isGoing ? "no rule keeps the tag" : "no pattern matches the tag");
    return { tag, digest, created, fate, why: stuck.get(tag) ?? rule };
  });
  return { repository: formatLocation(reference.location), locks, tags };
}

/** The named locks, and the project's own lock if there is one: a command in a project keeps what its builds need. */
async function locksFor({ locks }: PruneRequest, services: Services): Promise<readonly string[]> {
  const { context } = services;
  const own = await findLockFile(services);
  const isThere = await stat(resolve(context.cwd, own)).catch(() => undefined);
  const isNamed = locks.some((one) => resolve(context.cwd, one) === resolve(context.cwd, own));
  return isThere === undefined || isNamed ? locks : [own, ...locks];
}

async function lookUp(target: Target, tag: string, signal: AbortSignal): Promise<FoundTag> {
  const { bytes, mediaType, digest } = await target.fetchManifest(tag, signal);
  const parsed = parseManifest(bytes, mediaType, `${target.name}:${tag}`);
  const created = Date.parse(parsed.annotations[annotationKeys.created] ?? "");
  const parts = parsed.kind === "index" ? parsed.manifests.map((one) => one.digest) : [];
  return { tag, digest, digests: [digest, ...parts], createdMs: Number.isNaN(created) ? undefined : created };
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

/** Compares tags as versions: `34.0-rc1` is older than `34.0`, and digits compare by value. */
function compareVersions(a: string, b: string): number {
  const parts = (tag: string): [release: string, pre: string] => {
    const [, release = tag, pre = ""] =
      /^(.*?[0-9])[-.]?((?:rc|alpha|beta|pre|preview|dev|snapshot|m)[-.]?[0-9.]*)$/i.exec(tag) ?? [];
    return [release, pre];
  };
  const [[releaseA, preA], [releaseB, preB]] = [parts(a), parts(b)];
  const numeric = { numeric: true } as const;
  const release = releaseA.localeCompare(releaseB, "en", numeric);
  if (release !== 0) return release;
  if ((preA === "") !== (preB === "")) return preA === "" ? 1 : -1;
  return preA.localeCompare(preB, "en", numeric);
}

/**
 * Digests of the newest artifacts, each counted once with all its tags, such as `33.0` and `latest`. The order is by
 * creation time if every tag has a creation time, else by version, with tags without a digit last.
 */
function newestOf(tags: readonly FoundTag[], count: number): ReadonlySet<Digest> {
  const areDated = tags.every(({ createdMs }) => createdMs !== undefined);
  const rank = (one: FoundTag): number => (areDated ? (one.createdMs ?? 0) : Number(isVersion(one)));
  const sorted = [...tags].sort((a, b) => rank(b) - rank(a) || compareVersions(b.tag, a.tag));
  return new Set([...new Set(sorted.map(({ digest }) => digest))].slice(0, count));
}

function isVersion({ tag }: FoundTag): boolean {
  return /[0-9]/.test(tag);
}

function reasonsToKeep(
  candidates: readonly FoundTag[],
  locked: ReadonlySet<Digest>,
  { keepLast, olderThanDays }: PruneRequest,
  nowMs: number,
): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const newest = newestOf(candidates, keepLast ?? 0);
  for (const one of candidates) {
    const { tag, digest: own, digests, createdMs } = one;
    if (digests.some((digest) => locked.has(digest))) reasons.set(tag, "a lock names the artifact");
    else if (newest.has(own)) reasons.set(tag, `one of the newest ${keepLast}`);
    else if (olderThanDays !== undefined && createdMs === undefined)
      reasons.set(tag, "the artifact states no creation time");
    else if (olderThanDays !== undefined && createdMs !== undefined && createdMs > nowMs - olderThanDays * dayMs) {
      reasons.set(tag, `created less than ${olderThanDays} days ago`);
    }
  }
  return reasons;
}

/**
 * Removes a manifest with its tags; if a staying tag needs the manifest, removes only the other tags.
 *
 * @returns Tags that stay although no rule keeps them, with the reason: some registries (distribution before 3.0)
 *   cannot delete a tag without its manifest.
 */
async function remove(
  target: Target,
  found: readonly FoundTag[],
  going: ReadonlySet<string>,
  signal: AbortSignal,
): Promise<ReadonlyMap<string, string>> {
  const staying = found.filter(({ tag }) => !going.has(tag));
  const shared = new Map(staying.flatMap(({ tag, digests }) => digests.map((digest) => [digest, tag] as const)));
  const goingTags = found.filter(({ tag }) => going.has(tag));
  for (const digest of new Set(goingTags.map((one) => one.digest)))
    if (!shared.has(digest)) await target.deleteManifest(digest, signal);
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
