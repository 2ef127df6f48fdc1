/** The dependencies of transfers into the store. */
import type { Settings } from "../config/settings.ts";
import type { Context } from "../context.ts";
import type { Store } from "../store/store.ts";
import type { MirrorHealth } from "./mirror-health.ts";
import type { PartBuffers } from "./part-buffers.ts";

export interface TransferDeps {
  readonly context: Context;
  readonly settings: Settings;
  /** When the command has to be done, in milliseconds since the epoch. */
  readonly deadlineMs: number;
  readonly store: Store;
  /** Waits for one of the transfers under way to end when there are as many as the settings allow. */
  readonly limitTransfers: <T>(transfer: () => Promise<T>) => Promise<T>;
  /** True when `limitTransfers` would not wait. */
  readonly hasFreeTransfer: () => boolean;
  readonly partBuffers: PartBuffers;
  readonly mirrorHealth: MirrorHealth;
}
