/** Which failures another source may make good. */
import { OrasClientError } from "../errors.ts";

/** Exit codes of what one source is to blame for, so that another may do better: content, absence, network, access. */
const sourceFaults: ReadonlySet<number> = new Set([65, 66, 69, 77]);

export function isSourceFault(error: unknown): error is OrasClientError {
  return error instanceof OrasClientError && sourceFaults.has(error.exitCode);
}
