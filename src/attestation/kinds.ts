/** Kinds of referrers, by media types and by the predicate of a statement. */
import { isBundleType, signatureTypes } from "../signature/media-types.ts";
import { signPredicateType } from "../signature/statement.ts";
import { documentTypes } from "./document-types.ts";
import { provenanceVersion } from "./provenance.ts";

export const referrerKinds = ["signature", "sbom", "provenance", "statement", "other"] as const;
export type ReferrerKind = (typeof referrerKinds)[number];

export interface Kind {
  readonly kind: ReferrerKind;
  /** The format's name for people; undefined for an unknown format. */
  readonly format: string | undefined;
}

const cosign: Kind = { kind: "signature", format: "cosign" };
const byType: ReadonlyMap<string, Kind> = new Map([
  [signatureTypes.simpleSigning, cosign],
  [signatureTypes.simpleSigningReferrer, cosign],
  [signatureTypes.notation, { kind: "signature", format: "Notation" }],
  [documentTypes.inToto, { kind: "statement", format: "in-toto" }],
  [documentTypes.envelope, { kind: "statement", format: "in-toto" }],
]);

/** Types of tools that have their own names: `application/vnd.cyclonedx`, `text/spdx+xml`, and so on. */
const formats: readonly (readonly [RegExp, string])[] = [
  [/\/(?:vnd\.)?spdx(?:$|[+;])/, "SPDX"],
  [/\/(?:vnd\.)?cyclonedx(?:$|[+;])/, "CycloneDX"],
  [/\/vnd\.syft\+/, "Syft"],
];

/** @param mediaType An artifact type, or the type of a config or a layer. */
export function kindOfType(mediaType: string): Kind | undefined {
  const known = byType.get(mediaType);
  if (known !== undefined) return known;
  if (isBundleType(mediaType)) return { kind: "signature", format: "sigstore bundle" };
  const [, format] = formats.find(([pattern]) => pattern.test(mediaType)) ?? [];
  return format === undefined ? undefined : { kind: "sbom", format };
}

const sbomPredicates: readonly (readonly [RegExp, string])[] = [
  [/^https:\/\/spdx\.dev\/Document(?:\/|$)/, "SPDX"],
  [/^https:\/\/cyclonedx\.org\/(?:bom|schema)(?:\/|$)/, "CycloneDX"],
];

export function kindOfPredicate(predicateType: string): Kind {
  if (predicateType === signPredicateType) return { kind: "signature", format: "sigstore bundle" };
  const version = provenanceVersion(predicateType);
  if (version !== undefined) return { kind: "provenance", format: `SLSA ${version}` };
  const [, format] = sbomPredicates.find(([pattern]) => pattern.test(predicateType)) ?? [];
  return format === undefined ? { kind: "statement", format: "in-toto" } : { kind: "sbom", format };
}

/** True for a layer whose content says more than its type. */
export function isStatementType(mediaType: string): boolean {
  return mediaType === documentTypes.inToto || mediaType === documentTypes.envelope || isBundleType(mediaType);
}
