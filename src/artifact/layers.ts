/** Shape of an artifact, from its manifest's layers: one file, or a folder of several files. */
import { ContentVerificationError } from "../errors.ts";
import { annotationKeys, type Descriptor, type ImageManifest, mediaTypes } from "../model/manifest.ts";
import { formatLocation, type Location } from "../model/reference.ts";

export interface NamedLayer {
  readonly descriptor: Descriptor;
  /** Path from an annotation, which an attacker may control; confine the path before use. */
  readonly title: string;
  /** True for a layer pushed as a folder: the blob is an archive to unpack at the title. */
  readonly isFolder: boolean;
}

export type ArtifactShape =
  | { readonly kind: "file"; readonly layer: NamedLayer }
  | { readonly kind: "folder"; readonly layers: readonly NamedLayer[] };

/** Title for a layer without a title: the last path part of the repository or of the layout folder. */
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

/** @throws {ContentVerificationError} `MANIFEST_INVALID` without files, or for a layer of several without a title */
export function shapeOf(manifest: ImageManifest, location: Location): ArtifactShape {
  const layers = manifest.layers.filter(isContent);
  const [first] = layers;
  if (first === undefined) {
    throw new ContentVerificationError("MANIFEST_INVALID", `the artifact in ${formatLocation(location)} has no files`, {
      hint: "name the artifact itself: the manifest may be a signature or another attachment",
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
      { hint: "push the tool itself with `buck2-oras push`: the artifact looks like a container image" },
    );
  }
  return { kind: "folder", layers: withTitle };
}
