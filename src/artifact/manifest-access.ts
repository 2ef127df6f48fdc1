/** The way to the manifests and configs of a source. */
import type { Digest } from "../model/digest.ts";
import type { FetchedManifest, Source } from "../model/source.ts";
import type { Run } from "../transfer/run.ts";
import type { ConfigAt } from "./config-platform.ts";
import type { Services } from "./services.ts";

/** Access to manifests by digest: the way to fetch them, and the place that keeps fetched manifests. */
export interface ManifestAccess {
  readonly fetch: (source: Source, digest: Digest, services: Services, run: Run) => Promise<FetchedManifest>;
  readonly keep: (manifest: FetchedManifest, services: Services, run: Run) => Promise<void>;
  /** Reads a manifest's config; undefined for a missing config. The caller holds no transfer slot. */
  readonly config: (at: ConfigAt, services: Services, run: Run) => Promise<Uint8Array | undefined>;
}
