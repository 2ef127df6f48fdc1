/** Services on the way from a reference to files, created by `compose.ts` and shared by all requests. */
import type { CompressionThreads } from "../archive/compression-threads.ts";
import type { Location } from "../model/location.ts";
import type { Target } from "../model/source.ts";
import type { TransferServices } from "../transfer/services.ts";

export interface Services extends TransferServices {
  /** Runs `work` with a store that no other user can write into; the store is removed afterwards. */
  readonly withPrivateStore: <T>(work: (services: Services) => Promise<T>) => Promise<T>;
  /**
   * Limits how many files and connections are open at once: some systems allow a process 256, and a graph's author
   * chooses the number of nodes. The work may wait for a transfer slot, and must not call `limitOpen` itself.
   */
  readonly limitOpen: <T>(work: () => Promise<T>) => Promise<T>;
  /** Limit of layers that are packed at a time, and the threads that compress the layers. */
  readonly packing: {
    readonly limit: <T>(work: () => Promise<T>) => Promise<T>;
    /** Undefined: compression in this thread. */
    readonly threads: CompressionThreads | undefined;
  };
  /**
   * Records a host of the command line: a bare `--plain-http` allows logins to this host. A checkout's hosts are never
   * recorded.
   */
  readonly noteNamed: (registry: string) => void;
  /** Opens the registry or the layout folder of a location, without a request. */
  readonly open: (location: Location) => Target;
}
