/** Fetch of blobs into the store; only missing blobs are requested from a source. */

import type { Digest } from "../model/digest.ts";
import { digestHex } from "../model/digest.ts";
import type { BlobIdentity, Origin, Target } from "../model/source.ts";
import { notInCache } from "../registry/offline.ts";
import type { Run } from "../transfer/run.ts";
import type { TransferServices } from "../transfer/services.ts";
import { findCached } from "./cached.ts";

export interface FetchedBlob {
  /** Path in the store; the blob is verified when written, and again when placed. */
  readonly path: string;
  readonly origin: Origin;
}

export interface BlobFetch {
  readonly source: Target;
  readonly blob: BlobIdentity;
  /** Name of the transfer in the progress bar. */
  readonly label: string;
  /** True if the bytes are sent on; default false. */
  readonly isRelayed?: boolean;
  /** Manifest that lists the blob. */
  readonly manifest?: Digest;
}

/** Gets one blob from the store, else from its source. A lock saves concurrent processes a second transfer. */
export async function fetchBlob(request: BlobFetch, services: TransferServices, run: Run): Promise<FetchedBlob> {
  const { source, blob, label, isRelayed = false, manifest } = request;
  const { store, settings, context } = services;
  const cached = await findCached(blob.digest, blob.size, services, run);
  if (cached !== undefined) return { path: cached.path, origin: "cache" };
  const isLayout = source.name.startsWith("oci:");
  // Checked before any write: the cache of an offline machine may be read-only.
  if (settings.isOffline && !isLayout) throw notInCache(`${source.name}@${blob.digest}`);
  const fetchLocked = async (): Promise<FetchedBlob> => {
    const meanwhile = await findCached(blob.digest, blob.size, services, run);
    if (meanwhile !== undefined) return { path: meanwhile.path, origin: "cache" };
    const task = context.progress.start(label, blob.size, isRelayed ? "relay" : "fetch");
    try {
      const { transferBlob } = await import("../transfer/transfer.ts");
      const onward = { onResumed: task.resume, onBytes: task.advance };
      const done = await transferBlob({ source, blob, manifest, ...onward }, services, run);
      const origin = done.servedBy !== source ? "mirror" : isLayout ? "layout" : "registry";
      return { path: done.path, origin };
    } finally {
      task.done();
    }
  };
  return await services.slots.run(() => store.withMutex(digestHex(blob.digest), run.signal, fetchLocked));
}
