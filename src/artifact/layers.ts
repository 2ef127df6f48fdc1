/** Shape of an artifact, from its manifest's layers: one file, or a folder of several files. */
import { foldName } from "../archive/entry-path.ts";
import { quoted } from "../archive/refusal.ts";
import { ContentVerificationError } from "../errors.ts";
import { formatLocation, type Location } from "../model/location.ts";
import { annotationKeys, type Descriptor, type ImageManifest, mediaTypes } from "../model/manifest.ts";

export interface NamedLayer {
  readonly descriptor: Descriptor;
  /** Path from an annotation, which an attacker may control; confine the path before use. */
  readonly title: string;
  /** True for a layer pushed as a folder: the blob is an archive to unpack at the title. */
  readonly isFolder: boolean;
  /** True for the folder `.`, as `oras push REF .` names the working folder: its entries belong into the output itself. */
  readonly isRoot: boolean;
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
    const isFolder = folder !== undefined || annotations[annotationKeys.orasUnpack] === "true";
    const title = folder ?? annotations[annotationKeys.title];
    if (title === undefined) return undefined;
    const isRoot = isFolder && partsOf(title).length === 0;
    return { descriptor, title: isRoot ? fallbackTitle(location) : title, isFolder, isRoot };
  });
  if (layers.length === 1) {
    const layer = named[0] ?? { descriptor: first, title: fallbackTitle(location), isFolder: false, isRoot: false };
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
  checkTitles(withTitle, formatLocation(location));
  return { kind: "folder", layers: withTitle };
}

/** Components of a title, for comparisons; the title itself is checked where it is used. */
function partsOf(title: string): readonly string[] {
  return title.split("/").filter((part) => part !== "" && part !== ".");
}

/**
 * Refuses several layers for one path: one of the files would be lost, on some systems or on all.
 *
 * @param origin Names the artifact in messages.
 * @throws {ContentVerificationError} `MANIFEST_INVALID`
 */
export function checkTitles(layers: readonly Pick<NamedLayer, "title" | "isRoot">[], origin: string): void {
  const titles = new Map<string, string>();
  const keyed = layers.map(({ title, isRoot }) => ({ title, names: isRoot ? [] : partsOf(title).map(foldName) }));
  for (const { title, names } of keyed) {
    const key = names.join("/");
    const other = titles.get(key);
    if (other !== undefined) {
      const words =
        other === title
          ? `two files with the name ${quoted(title)}`
          : `the names ${quoted(other)} and ${quoted(title)}, which are one name on some systems`;
      throw sharedTitle(origin, words);
    }
    titles.set(key, title);
  }
  for (const { title, names } of keyed) {
    for (let count = 0; count < names.length; count += 1) {
      const above = titles.get(names.slice(0, count).join("/"));
      if (above !== undefined)
        throw sharedTitle(origin, `${quoted(title)} below ${quoted(above)}, which is a layer of its own`);
    }
  }
}

function sharedTitle(origin: string, words: string): ContentVerificationError {
  return new ContentVerificationError("MANIFEST_INVALID", `${origin} has ${words}`, {
    hint: "push the artifact again, with another name for each file",
  });
}
