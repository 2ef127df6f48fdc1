/**
 * The time from which a version's age counts. A witness of a recorded signature, or the repository itself, vouches for
 * it; mirrors and the cache are never asked, and annotations of the publisher are not looked at.
 */
import { type NamingServices, readReference } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { type LockedSignature, type LockedTool, lockedTime, type Published } from "../lockfile/schema.ts";
import type { Digest } from "../model/digest.ts";
import type { Location } from "../model/location.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";
import type { KnownTime } from "./age.ts";

/** A document whose time counts, and its repository. */
interface Dated {
  readonly location: Location;
  readonly digest: Digest;
}

/** The locations of a tool's platforms. */
export function locationsOf({ platforms }: LockedTool, services: NamingServices): readonly Location[] {
  const repositories = new Set(Object.values(platforms).map(({ repository }) => repository));
  return [...repositories].map((repository) => readReference(repository, services).location);
}

/** The index or the only manifest, which pins all the rest; for a template, each platform's manifest. */
function datedOf({ digest, platforms }: LockedTool, services: Services): readonly Dated[] {
  const all = Object.values(platforms).map(({ repository, manifest }) => ({
    location: readReference(repository, services).location,
    digest: digest ?? manifest,
  }));
  return digest === undefined ? all : all.slice(0, 1);
}

/** True if both entries have the same version: whatever else changed, no other bytes are let in. */
export function isSameVersion(before: LockedTool | undefined, after: LockedTool): before is LockedTool {
  if (before === undefined || before.digest !== after.digest) return false;
  if (after.digest !== undefined) return true;
  const old = new Map(Object.entries(before.platforms).map(([platform, { manifest }]) => [platform, manifest]));
  return Object.entries(after.platforms).every(([platform, { manifest }]) => old.get(platform) === manifest);
}

function latest(times: readonly Published[]): Published | undefined {
  return times.reduce<Published | undefined>(
    (late, one) => (late === undefined || one.time > late.time ? one : late),
    undefined,
  );
}

/** The least of the clocks, and the latest of the times if each document has one: the youngest decides. */
function joined(found: readonly KnownTime[]): KnownTime {
  const times = found.flatMap(({ published }) => published ?? []);
  const clocks = found.flatMap(({ clock }) => clock?.getTime() ?? []);
  return {
    published: times.length === found.length ? latest(times) : undefined,
    clock: clocks.length === 0 ? undefined : new Date(Math.min(...clocks)),
  };
}

/** Asks each repository, and compares with the signatures of the entry. The later time counts where both are known. */
export async function findPublished(tool: LockedTool, services: Services, run: Run): Promise<KnownTime> {
  const found = await inParallel(datedOf(tool, services), run.signal, async ({ location, digest }, either) => {
    const source = services.open(location);
    const { published, clock } = await services.slots.run(() =>
      source.manifestTime(digest, withSignal(run, either).signal),
    );
    const byRegistry = published === undefined ? [] : [{ time: lockedTime(published), by: "registry" } as const];
    return { published: latest([...signedTimes(tool, digest), ...byRegistry]), clock };
  });
  return joined(found);
}

/** The oldest of the digest's signatures that count for a policy: a later one makes nothing younger. */
function signedTime(signatures: readonly LockedSignature[], digest: Digest): Published | undefined {
  const times = signatures.flatMap((one) => (one.digest === digest && one.time !== undefined ? [one.time] : []));
  const [oldest] = times.sort();
  return oldest === undefined ? undefined : { time: lockedTime(new Date(oldest)), by: "signature" };
}

/** An index without a signature of its own is signed when the last of its locked manifests is. */
function signedTimes({ signatures = [], platforms }: LockedTool, digest: Digest): readonly Published[] {
  const whole = signedTime(signatures, digest);
  if (whole !== undefined) return [whole];
  const manifests = Object.values(platforms).map(({ manifest }) => manifest);
  // For a template, the digest is that of one platform alone.
  if (manifests.includes(digest)) return [];
  const each = manifests.map((one) => signedTime(signatures, one));
  const last = each.every((one) => one !== undefined) ? latest(each) : undefined;
  return last === undefined ? [] : [last];
}
