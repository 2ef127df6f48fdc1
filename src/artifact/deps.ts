/** The dependencies of the way from a reference to files. */
import type { Location } from "../model/reference.ts";
import type { Target } from "../model/source.ts";
import type { TransferDeps } from "../transfer/deps.ts";

export interface ArtifactDeps extends TransferDeps {
  /** Runs `work` with a store that nobody else can write into and that is removed afterwards. */
  readonly withPrivateStore: <T>(work: (deps: ArtifactDeps) => Promise<T>) => Promise<T>;
  /**
   * Waits where as much is under way already that has files or connections open: a process may open 256 on some systems, and a graph has
   * as many nodes as its author likes. What it runs may wait for a transfer, and never for more of its own kind.
   */
  readonly limitOpen: <T>(work: () => Promise<T>) => Promise<T>;
  /** Something was added to the cache: it is looked at when the command ends (`applyRetention`). */
  readonly noteGrowth: () => void;
  /** The caller wrote this host: a bare `--plain-http` lets logins go there. Nothing that a checkout says is noted so. */
  readonly noteNamed: (registry: string) => void;
  /** Opens the registry or the layout folder that a location names; no request is made yet. */
  readonly open: (location: Location) => Target;
}
