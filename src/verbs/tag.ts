/** `tag`: adds tags to the artifact of a reference. */

import { readTarget } from "../artifact/naming.ts";
import { fetchRoot } from "../artifact/resolve.ts";
import type { Services } from "../artifact/services.ts";
import { audited } from "../audit/audit.ts";
import { UsageError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import { formatReference, isTag } from "../model/reference.ts";
import { moveTag } from "../publish/move-tag.ts";
import type { Run } from "../transfer/run.ts";

export interface TagResult {
  readonly reference: string;
  readonly digest: Digest;
  /** References with the new tags. */
  readonly tagged: readonly string[];
  /** Tags that meant another manifest before, and its digest. */
  readonly replaced: readonly ReplacedTag[];
}

export interface ReplacedTag {
  readonly tag: string;
  readonly digest: Digest;
}

/** @throws {UsageError} for an invalid tag */
export async function tag(text: string, tags: readonly string[], services: Services, run: Run): Promise<TagResult> {
  const bad = tags.find((one) => !isTag(one));
  if (bad !== undefined) {
    throw new UsageError("REFERENCE_INVALID", `${JSON.stringify(bad)} is not a tag`, {
      hint: "use up to 128 letters, digits, `_`, `.` and `-`, without a repository",
    });
  }
  return await audited(
    { operation: "tag", reference: text },
    services,
    () => write(text, tags, services, run),
    ({ digest }) => ({ digest }),
  );
}

async function write(text: string, tags: readonly string[], services: Services, run: Run): Promise<TagResult> {
  const reference = readTarget(text, services);
  const { root } = await fetchRoot(reference, services, run);
  const target = services.open(reference.location);
  const replaced: ReplacedTag[] = [];
  for (const one of tags) {
    const moved = await moveTag(
      { bytes: root.bytes, mediaType: root.mediaType, tag: one },
      target,
      services,
      run.signal,
    );
    if (moved.replaced !== undefined) replaced.push({ tag: one, digest: moved.replaced });
  }
  const tagged = tags.map((one) => formatReference({ ...reference, tag: one, digest: undefined }));
  return { reference: formatReference(reference), digest: root.digest, tagged, replaced };
}
