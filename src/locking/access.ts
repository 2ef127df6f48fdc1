/** Answers of registries to programs without a login: whether Buck2 itself can fetch a tool. */
import type { Services } from "../artifact/services.ts";
import { asError } from "../errors.ts";
import { mirrorRetry } from "../http/retry.ts";
import type { Access, LockedTool } from "../lockfile/schema.ts";
import { formatLocation, type Location, type RegistryLocation } from "../model/location.ts";
import type { BlobIdentity } from "../model/source.ts";
import { anySignal, inParallel } from "../parallel.ts";
import type { PlainAnswer, RegistryProbe } from "../registry/probe.ts";
import { type Run, withSignal } from "../transfer/run.ts";

export interface LockingServices extends Services {
  readonly probe: (location: RegistryLocation) => Promise<Pick<RegistryProbe, "url" | "blobWithoutLogin">>;
}

/** The blob was just fetched: a registry that needs longer is not worth the wait. */
const maxWaitMs = 10_000;

const refusedStatuses: ReadonlySet<number> = new Set([401, 403]);

/** A locked platform's repository, and one of its blobs. */
export interface AskedRepository {
  readonly location: Location;
  readonly blob: BlobIdentity | undefined;
}

/** Asks each repository once. @returns Answers by the repository's name. */
export async function accessByRepository(
  asked: readonly AskedRepository[],
  services: LockingServices,
  run: Run,
): Promise<ReadonlyMap<string, Access | undefined>> {
  const byName = new Map(asked.map((one) => [formatLocation(one.location), one] as const));
  const answers = await inParallel([...byName], run.signal, async ([name, one], either) => {
    return [name, await accessTo(one, services, withSignal(run, either))] as const;
  });
  return new Map(answers);
}

/**
 * Asks for one blob without a login.
 *
 * @returns Undefined if the answer says nothing: for a layout folder, without network, for another size, or if the
 *   user's own certificates were needed.
 */
async function accessTo(
  { location, blob }: AskedRepository,
  services: LockingServices,
  run: Run,
): Promise<Access | undefined> {
  if (location.kind === "layout" || blob === undefined || services.settings.isOffline) return undefined;
  const { url, blobWithoutLogin } = await services.probe(location);
  // Held here: Node forgets an `AbortSignal.timeout` that only `AbortSignal.any` knows, and it never comes.
  const patience = new AbortController();
  const timer = setTimeout(() => patience.abort(new Error("no answer in time")), maxWaitMs).unref();
  try {
    const signal = anySignal(run.signal, patience.signal);
    const answer = await services.slots.run(() => blobWithoutLogin(blob.digest, mirrorRetry, signal));
    if (refusedStatuses.has(answer.status)) return "token";
    if (answer.isPrivate || !isBlob(answer, blob)) return undefined;
    return url.protocol === "http:" ? "http" : "https";
  } catch (error) {
    run.signal.throwIfAborted();
    services.context.log.debug(`${formatLocation(location)} without a login: ${asError(error).message}`);
    return undefined;
  } finally {
    clearTimeout(timer);
  }
}

/** A whole answer must state the blob's size: a login page of unknown size comes with the status 200, too. */
function isBlob({ status, sizeBytes }: PlainAnswer, { size }: BlobIdentity): boolean {
  if (status === 200) return sizeBytes === size;
  return status === 206 && (sizeBytes === undefined || sizeBytes === size);
}

/** A new entry that keeps what was known of the same repositories: a registry that does not answer changes no lock. */
export function withKnownAccess(before: LockedTool | undefined, after: LockedTool): LockedTool {
  const known = new Map(
    Object.values(before?.platforms ?? {}).map(({ repository, access }) => [repository, access] as const),
  );
  const platforms = Object.fromEntries(
    Object.entries(after.platforms).map(([platform, locked]) => [
      platform,
      { ...locked, access: locked.access ?? known.get(locked.repository) },
    ]),
  );
  return { ...after, platforms };
}
