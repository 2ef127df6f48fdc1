/** Content of a cosign tag, compared with that of the same tag in another repository. */
import { type Descriptor, parseManifest } from "../model/manifest.ts";
import type { FetchedManifest } from "../model/source.ts";

/** Layers with their annotations: cosign keeps a signature in an annotation, and equal payloads have equal digests. */
function partsOf({ bytes, mediaType }: FetchedManifest): ReadonlySet<string> {
  const parsed = parseManifest(bytes, mediaType, "the manifest of a cosign tag");
  const parts: readonly Descriptor[] = parsed.kind === "index" ? parsed.manifests : parsed.layers;
  return new Set(parts.map(({ digest, annotations }) => JSON.stringify([digest, Object.entries(annotations).sort()])));
}

/** Whether a manifest has all signatures of an older one. */
export function hasAllOf(manifest: FetchedManifest, older: FetchedManifest): boolean {
  const parts = partsOf(manifest);
  return [...partsOf(older)].every((part) => parts.has(part));
}
