/** `list`: lists the tags of a repository or a layout folder. */

import { readNamed } from "../artifact/naming.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { IncompleteListError, UsageError, withCause } from "../errors.ts";
import { formatLocation } from "../model/location.ts";
import { formatReference } from "../model/reference.ts";
import type { Run } from "../transfer/run.ts";

export interface TagList {
  /** `host/repository` or `oci:DIR`. */
  readonly repository: string;
  readonly tags: readonly string[];
  /** Why the list is incomplete; undefined for all tags. */
  readonly missing: string | undefined;
}

/**
 * @param isPartial Gives the tags before a failed page instead of the failure.
 * @throws {ArtifactNotFoundError} for an unknown repository or folder
 */
export async function listTags(
  text: string,
  isPartial: boolean,
  services: Pick<Services, "context" | "noteNamed" | "open" | "settings">,
  run: Run,
): Promise<TagList> {
  return await audited(
    { operation: "list", reference: text },
    services,
    () => readTags(text, isPartial, services, run),
    () => ({}),
  );
}

async function readTags(
  text: string,
  isPartial: boolean,
  services: Pick<Services, "noteNamed" | "open" | "settings">,
  run: Run,
): Promise<TagList> {
  const reference = readNamed(text, services);
  if (reference.tag !== undefined || reference.digest !== undefined) {
    const repository = formatLocation(reference.location);
    throw new UsageError("REFERENCE_INVALID", `${formatReference(reference)} is one artifact, not a repository`, {
      hint: `list the tags of ${repository}, or describe the artifact with \`buck2-oras info\``,
    });
  }
  const repository = formatLocation(reference.location);
  try {
    const tags = await services.open(reference.location).listTags(run.signal);
    return { repository, tags, missing: undefined };
  } catch (error) {
    if (!isPartial || !(error instanceof IncompleteListError)) throw error;
    return { repository, tags: error.listed, missing: withCause(error) };
  }
}
