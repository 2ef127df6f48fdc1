/** A manifest under a tag, and the artifact that loses the tag: no command replaces an artifact silently. */
import type { Services } from "../artifact/services.ts";
import { asError } from "../errors.ts";
import { type Digest, digestOf } from "../model/digest.ts";
import type { Target } from "../model/source.ts";

export interface TaggedManifest {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly tag: string;
}

export interface MovedTag {
  readonly digest: Digest;
  /** Manifest that the tag meant before; undefined for a new or unchanged tag, or if the target does not say. */
  readonly replaced: Digest | undefined;
}

/** Asks what the tag means, and writes the manifest under the tag. Without an answer, the tag is written nevertheless. */
export async function moveTag(
  { bytes, mediaType, tag }: TaggedManifest,
  target: Target,
  { context }: Pick<Services, "context">,
  signal: AbortSignal,
): Promise<MovedTag> {
  const before = await target.tagDigest(tag, signal).catch((error: unknown) => {
    signal.throwIfAborted();
    context.log.debug(`${target.name}:${tag} before: ${asError(error).message}`);
    return undefined;
  });
  const own = digestOf(bytes);
  const digest = await target.pushManifest(bytes, mediaType, tag, signal);
  return { digest, replaced: before === own ? undefined : before };
}
