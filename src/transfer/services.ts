/** The services that transfers into the store need. */
import type { Settings } from "../config/settings.ts";
import type { Context } from "../context.ts";
import type { Store } from "../store/store.ts";
import type { TransferSlots } from "./slots.ts";

export interface TransferServices {
  readonly context: Context;
  readonly settings: Settings;
  readonly store: Store;
  readonly slots: TransferSlots;
}
