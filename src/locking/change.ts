/** Changes between two entries of a tool in a lock. */
import { emptyLock, formatLock } from "../lockfile/file.ts";
import type { Lock, LockedPlatform, LockedTool } from "../lockfile/schema.ts";
import type { LockChange, PlatformChange, ToolSignature, ToolStatements } from "./lock-change.ts";

function lockOf(tool: LockedTool): Lock {
  return { ...emptyLock, tools: { tool } };
}

export function isSame(before: LockedTool, after: LockedTool | undefined): boolean {
  return after !== undefined && formatLock(lockOf(before)) === formatLock(lockOf(after));
}

/** True if both entries have the reference and the options of one `lock add`. */
export function isAskedAlike(before: LockedTool | undefined, after: LockedTool): boolean {
  if (before === undefined) return false;
  const { reference, options } = before;
  return isSame(
    { reference, options, platforms: {} },
    { reference: after.reference, options: after.options, platforms: {} },
  );
}

function sizeOf(platform: LockedPlatform | undefined): number | undefined {
  return platform?.layers.reduce((sum, { size }) => sum + size, 0);
}

/** The compared value: a manifest with new annotations for the same files is no change of the tool. */
function filesOf(platform: LockedPlatform | undefined): string {
  return JSON.stringify(platform?.layers.map(({ digest, title }) => [digest, title]));
}

function platformChange(
  platform: string,
  before: LockedPlatform | undefined,
  after: LockedPlatform | undefined,
): PlatformChange {
  const sizes = { platform, size: sizeOf(after), previousSize: sizeOf(before) };
  if (before === undefined) return { ...sizes, change: "added" };
  if (after === undefined) return { ...sizes, change: "removed" };
  return { ...sizes, change: filesOf(before) === filesOf(after) ? "unchanged" : "changed" };
}

function statementsOf(tool: LockedTool | undefined): ToolStatements {
  const { version, source, licenses, sourceCheck } = tool?.stated ?? {};
  return { version, source, licenses, sourceCheck };
}

function signaturesOf(tool: LockedTool | undefined): readonly ToolSignature[] {
  return (tool?.signatures ?? []).map((one) => {
    const { digest, time } = one;
    const [key, identity, issuer] =
      "key" in one ? [one.key, undefined, undefined] : [undefined, one.identity, one.issuer];
    return { digest, key, identity, issuer, time };
  });
}

export function changeOf(tool: string, before: LockedTool | undefined, after: LockedTool): LockChange {
  const [old, now] = [new Map(Object.entries(before?.platforms ?? {})), new Map(Object.entries(after.platforms))];
  const names = [...new Set([...old.keys(), ...now.keys()])].sort();
  return {
    tool,
    change: before === undefined ? "added" : isSame(before, after) ? "unchanged" : "updated",
    left: undefined,
    reference: after.reference,
    previousReference: before?.reference,
    digest: after.digest,
    previousDigest: before?.digest,
    platforms: [...now.keys()].sort(),
    platformChanges: names.map((name) => platformChange(name, old.get(name), now.get(name))),
    stated: statementsOf(after),
    previousStated: statementsOf(before),
    signatures: signaturesOf(after),
    previousSignatures: signaturesOf(before),
    published: after.published,
    previousPublished: before?.published,
  };
}
