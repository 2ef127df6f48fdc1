/** The rules of `prune`: which tags of a repository stay, and why. */
import type { Digest } from "../model/digest.ts";

export interface FoundTag {
  readonly tag: string;
  readonly digest: Digest;
  /** Digests of the manifest and, for an index, of its platforms' manifests. */
  readonly digests: readonly Digest[];
  /** The manifest that a tagged signature or document refers to. */
  readonly subject: Digest | undefined;
  readonly createdMs: number | undefined;
}

export interface PruneRules {
  /** Number of newest artifacts that stay. */
  readonly keepLast: number | undefined;
  /** Removes only artifacts created more days ago; artifacts without a creation time stay. */
  readonly olderThanDays: number | undefined;
}

export interface Considered {
  readonly found: readonly FoundTag[];
  /** The found tags that a pattern matches. */
  readonly candidates: readonly FoundTag[];
  /** Digests in locks. */
  readonly locked: ReadonlySet<Digest>;
}

const dayMs = 24 * 60 * 60 * 1000;

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

/** @returns Tag → reason, for each candidate that stays. */
export function reasonsToKeep(
  { found, candidates, locked }: Considered,
  { keepLast, olderThanDays }: PruneRules,
  nowMs: number,
): ReadonlyMap<string, string> {
  const reasons = new Map<string, string>();
  const present = new Set(found.flatMap(({ digests }) => digests));
  // A tagged signature is no version of the tool: it goes and stays with its subject.
  const isFollower = ({ subject }: FoundTag): boolean => subject !== undefined && present.has(subject);
  const newest = newestOf(
    candidates.filter((one) => !isFollower(one)),
    keepLast ?? 0,
  );
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
  keepFollowers({ found, candidates, locked }, reasons);
  return reasons;
}

/** Adds the candidates that refer to an artifact that stays, and those that refer to these. */
function keepFollowers({ found, candidates, locked }: Considered, reasons: Map<string, string>): void {
  const going = new Set(candidates.filter(({ tag }) => !reasons.has(tag)));
  const needed = new Set([...locked, ...found.flatMap((one) => (going.has(one) ? [] : one.digests))]);
  for (let before = -1; before !== going.size; ) {
    before = going.size;
    for (const one of going) {
      if (one.subject === undefined || !needed.has(one.subject)) continue;
      reasons.set(one.tag, "refers to an artifact that stays");
      for (const digest of one.digests) needed.add(digest);
      going.delete(one);
    }
  }
}
