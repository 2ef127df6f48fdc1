/** `push`: publishes files or folders, for one platform or several. */

import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { factsOf, type PushRequest, type PushResult, publish } from "../publish/artifact.ts";
import type { Run } from "../transfer/run.ts";

/** @throws as {@link publish} */
export async function push(
  request: PushRequest,
  services: Pick<Services, "context" | "noteNamed" | "open" | "packing" | "settings" | "slots">,
  run: Run,
): Promise<PushResult> {
  const work = (): Promise<PushResult> => publish(request, services, run);
  return await audited({ operation: "push", reference: request.reference }, services, work, factsOf);
}
