/** `push`: publishes files or folders, for one platform or several. */

import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { factsOf, type PushRequest, type PushResult, publish, readDestination } from "../publish/artifact.ts";
import type { Run } from "../transfer/run.ts";

/**
 * @throws {ContentVerificationError} `SOURCE_REFUSED` if a policy demands a source that vouches; else as {@link publish}
 */
export async function push(
  request: PushRequest,
  services: Pick<Services, "context" | "noteNamed" | "open" | "packing" | "settings" | "slots">,
  run: Run,
): Promise<PushResult> {
  const work = async (): Promise<PushResult> => {
    // Who demands nothing loads nothing.
    const { policies, ignoredFiles } = services.settings;
    if (policies.length + ignoredFiles.length > 0) await refuseLocalFiles(request, services);
    return await publish(request, services, run);
  };
  return await audited({ operation: "push", reference: request.reference }, services, work, factsOf);
}

/** Nobody vouches for a local file, so a policy that demands a source refuses it. */
async function refuseLocalFiles(
  request: PushRequest,
  services: Pick<Services, "context" | "noteNamed" | "settings">,
): Promise<void> {
  const { checkSources, sourceDemands } = await import("../vouching/demands.ts");
  const { location } = readDestination(request.reference, services).reference;
  const none = { requiredSource: undefined, trustRoot: undefined, registryKeys: undefined };
  const demands = await sourceDemands(location, none, services);
  const files = request.items.map(({ platform }) => ({ platform, vouchers: undefined }));
  checkSources(files, "a local file", demands, services.context);
}
