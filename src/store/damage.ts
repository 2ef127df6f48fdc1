/** The one error of the store that another try mends. */
import { OrasClientError } from "../errors.ts";

/** True for `CACHE_DAMAGED`: the store has thrown the blob away, or cannot. */
export function isDamage(error: unknown): error is OrasClientError {
  return error instanceof OrasClientError && error.code === "CACHE_DAMAGED";
}
