/** The shape of an artifact, from its manifest's layers: one file, or a folder of several. */
import { ContentVerificationError } from "../errors.ts";
import { annotationKeys, type Descriptor, type ImageManifest, mediaTypes } from "../model/manifest.ts";
import { formatLocation, type Location } from "../model/reference.ts";

export interface NamedLayer {
  readonly descriptor: Descriptor;
  /** From an annotation that an attacker may control: a path to be confined before it is used. */
  readonly title: string;
  /** Pushed as a folder: the blob is an archive that is unpacked where the title says. */
  readonly isFolder: boolean;
}

export type ArtifactShape =
  | { readonly kind: "file"; readonly layer: NamedLayer }
  | { readonly kind: "folder"; readonly layers: readonly NamedLayer[] };

/** Name for a file whose layer has no title: the repository's or the layout folder's last part. */
export function fallbackTitle(location: Location): string {
  const path = location.kind === "layout" ? location.path : location.repository;
  return (
    path
      .split(/[\\/]/)
      .filter((part) => part !== "" && part !== "." && part !== "..")
      .at(-1) ?? "artifact"
  );
}

function isContent(descriptor: Descriptor): boolean {
  return descriptor.mediaType !== mediaTypes.empty;
}

/**
 * @throws {ContentVerificationError} `MANIFEST_INVALID` for an artifact without files, or several without names
 */
export function shapeOf(manifest: ImageManifest, location: Location): ArtifactShape {
  const layers = manifest.layers.filter(isContent);
  const [first] = layers;
  if (first === undefined) {
    throw new ContentVerificationError("MANIFEST_INVALID", `${formatLocation(location)} has no files in it`, {
      hint: "it may be a signature or an attachment of another artifact: name the artifact itself",
    });
  }
  const named = layers.map((descriptor): NamedLayer | undefined => {
    const { annotations } = descriptor;
    const folder = annotations[annotationKeys.folder];
    if (folder !== undefined) return { descriptor, title: folder, isFolder: true };
    const title = annotations[annotationKeys.title];
    if (title === undefined) return undefined;
    return { descriptor, title, isFolder: annotations[annotationKeys.orasUnpack] === "true" };
  });
  if (layers.length === 1) {
    const layer = named[0] ?? { descriptor: first, title: fallbackTitle(location), isFolder: false };
    return layer.isFolder ? { kind: "folder", layers: [layer] } : { kind: "file", layer };
  }
  const withTitle = named.filter((layer) => layer !== undefined);
  if (withTitle.length < layers.length) {
    throw new ContentVerificationError(
      "MANIFEST_INVALID",
      `${formatLocation(location)} has ${layers.length} layers, of which ${layers.length - withTitle.length} have no name`,
      { hint: "it looks like a container image, not like files: push the tool itself, with `buck2-oras push`" },
    );
  }
  return { kind: "folder", layers: withTitle };
}
