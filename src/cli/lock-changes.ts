/** Changes of a lock for people: which values of a tool changed, and how a terminal shows them. */
import type { LockChange, PlatformChange, ToolSignature } from "../locking/lock-change.ts";
import { versionIn } from "../locking/version-in.ts";
import { formatAge } from "../model/age.ts";
import { formatBytes } from "./format.ts";
import type { Part } from "./layout.ts";

/** Signers of one tool that are shown. */
const maxSigners = 3;

export function shortDigest(digest: string | undefined): string {
  return digest === undefined ? "-" : digest.slice(0, "sha256:".length + 12);
}

/** A value before and now; undefined: there is none. */
export interface Aspect {
  readonly name: "version" | "signed by" | "source" | "source check" | "licences" | "published";
  readonly before: string | undefined;
  readonly now: string | undefined;
}

function signersIn(signatures: readonly ToolSignature[]): string | undefined {
  const names = signatures.map(({ key, identity, issuer }) => key ?? `${identity} (${issuer})`);
  const [different, more] = [[...new Set(names)].sort().slice(0, maxSigners), new Set(names).size - maxSigners];
  if (different.length === 0) return undefined;
  return `${different.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function publishedAt(published: LockChange["published"], now: number): string | undefined {
  if (published === undefined) return undefined;
  return `${published.time.slice(0, 10)} (${formatAge(now - Date.parse(published.time))} ago)`;
}

/** A version that says the same before and now is told apart by the digest. */
function versions({ reference, previousReference = reference, stated, previousStated, ...rest }: LockChange): Aspect {
  const isSame = stated.version === previousStated.version || previousStated.version === undefined;
  const [now, before] =
    reference !== previousReference || isSame
      ? [versionIn(reference), versionIn(previousReference)]
      : [stated.version ?? versionIn(reference), previousStated.version];
  if (rest.change === "added") return { name: "version", before: undefined, now };
  if (before !== now || rest.digest === rest.previousDigest) return { name: "version", before, now };
  return {
    name: "version",
    before: `${before} (${shortDigest(rest.previousDigest)})`,
    now: `${now} (${shortDigest(rest.digest)})`,
  };
}

/** @param now Milliseconds since 1970. */
export function aspectsOf(change: LockChange, now: number): readonly Aspect[] {
  const { stated, previousStated, signatures, previousSignatures, published, previousPublished } = change;
  return [
    versions(change),
    { name: "signed by", before: signersIn(previousSignatures), now: signersIn(signatures) },
    { name: "source", before: previousStated.source, now: stated.source },
    { name: "source check", before: previousStated.sourceCheck, now: stated.sourceCheck },
    { name: "licences", before: previousStated.licenses, now: stated.licenses },
    { name: "published", before: publishedAt(previousPublished, now), now: publishedAt(published, now) },
  ];
}

export function sizesOf({ size, previousSize }: PlatformChange): string {
  const [now, before] = [size, previousSize].map((bytes) => (bytes === undefined ? undefined : formatBytes(bytes)));
  return [before, now].filter((text) => text !== undefined).join(" → ");
}

function detailsOf(change: LockChange, now: number): readonly (readonly string[])[] {
  const platforms = change.platformChanges
    .filter((one) => one.change !== "unchanged")
    .map((one) => [one.platform, `${one.change.padEnd("changed".length)}  ${sizesOf(one)}`]);
  const aspects = aspectsOf(change, now)
    // The digests stand in the line of the tool.
    .filter(
      ({ name, before, now: after }) =>
        before !== after && (name !== "version" || change.stated.version !== change.previousStated.version),
    )
    .map(({ name, before = "none", now: after = "none" }) => [name, `${before} → ${after}`]);
  return [...aspects, ...platforms].map((cells) => [`  ${change.tool}`, ...cells]);
}

/** One line per tool, then one line per changed value or platform of the updated tools. */
export function changeLines(changes: readonly LockChange[], now: number): readonly Part[] {
  const tools = changes.map(({ tool, change, previousDigest, digest, platforms, reference, previousReference }) => {
    const isMoved = change === "updated" && previousDigest !== digest;
    const digests = isMoved ? `${shortDigest(previousDigest)} → ${shortDigest(digest)}` : shortDigest(digest);
    const isRenamed = previousReference !== undefined && previousReference !== reference;
    return [tool, change, digests, isRenamed ? `${previousReference} → ${reference}` : platforms.join(", ")];
  });
  const details = changes.filter(({ change }) => change === "updated").flatMap((change) => detailsOf(change, now));
  const left = changes.flatMap(({ tool, left }) =>
    left === undefined ? [] : [`${tool} stays as locked: the new version ${left.reason}`],
  );
  return [{ rows: tools }, { rows: details }, ...left];
}
