/** `push`: files or folders, for one platform or several. */
import type { ArtifactDeps } from "../artifact/deps.ts";
import { audited } from "../audit/audit.ts";
import { factsOf, type PushRequest, type PushResult, publish } from "../publish/artifact.ts";

/** @throws What {@link publish} throws */
export async function push(request: PushRequest, deps: ArtifactDeps, signal: AbortSignal): Promise<PushResult> {
  const work = (): Promise<PushResult> => publish(request, deps, signal);
  return await audited({ operation: "push", reference: request.reference }, deps, work, factsOf);
}
