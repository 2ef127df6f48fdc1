/** Types of an attached file: as the user names them, else as the content shows. */
import { type DocumentType, documentNames } from "../attestation/document-types.ts";
import { maxRecognizedBytes } from "../attestation/recognize.ts";
import { UsageError } from "../errors.ts";
import { nearestOf } from "../model/nearest.ts";

export interface NamedTypes {
  /** A short name such as `spdx`, or a media type; undefined: by the content. */
  readonly artifactType: string | undefined;
  /** Type of the layer; undefined: the content's type, else the artifact type. */
  readonly mediaType: string | undefined;
}

export type AttachedTypes = Pick<DocumentType, "artifactType" | "mediaType">;

/** RFC 6838, section 4.2; image-spec, manifest.md, requires the form of `artifactType`. */
const mediaTypePattern =
  /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}(?:;[\x21-\x7e]{1,100})?$/;

const shortNames = documentNames.join(", ");

function checkMediaType(text: string, what: string): void {
  if (mediaTypePattern.test(text)) return;
  throw new UsageError("USAGE_INVALID", `${JSON.stringify(text)} is no ${what}`, {
    hint: "write a media type such as application/spdx+json",
  });
}

/** @throws {UsageError} neither a short name nor a media type; called before any request */
export function checkNamedTypes({ artifactType, mediaType }: NamedTypes): void {
  if (mediaType !== undefined) checkMediaType(mediaType, "media type");
  if (artifactType === undefined || documentNames.some((name) => name === artifactType)) return;
  if (artifactType.includes("/")) {
    checkMediaType(artifactType, "artifact type");
    return;
  }
  const nearest = nearestOf(artifactType, documentNames);
  throw new UsageError("USAGE_INVALID", `${JSON.stringify(artifactType)} is no artifact type`, {
    hint: `write ${nearest ?? `one of ${shortNames}`}, or a whole media type such as application/spdx+json`,
  });
}

/**
 * @param found What the content shows; undefined if the content is not certain.
 * @param file Names the file in messages.
 * @throws {UsageError} for content without a certain type, and for a short name that the content contradicts
 */
export function attachedTypes(named: NamedTypes, found: DocumentType | undefined, file: string): AttachedTypes {
  const { artifactType: wanted, mediaType } = named;
  if (wanted?.includes("/")) return { artifactType: wanted, mediaType: mediaType ?? found?.mediaType ?? wanted };
  if (found !== undefined && (wanted === undefined || wanted === found.name)) {
    return { artifactType: found.artifactType, mediaType: mediaType ?? found.mediaType };
  }
  if (wanted === undefined) {
    throw new UsageError("USAGE_INVALID", `the content of ${file} does not show its type`, {
      hint:
        "name the type as a media type: --artifact-type application/spdx+json; " +
        `the content shows ${shortNames} up to ${maxRecognizedBytes / 1024 ** 2} MiB`,
    });
  }
  throw new UsageError(
    "USAGE_INVALID",
    `${file} is no ${wanted}: the content shows ${found?.name ?? "none of the known types"}`,
    {
      hint: `${found === undefined ? "" : "leave out --artifact-type, or "}write the type as a whole media type`,
    },
  );
}
