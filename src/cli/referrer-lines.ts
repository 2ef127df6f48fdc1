/** Referrers as lines below the manifest that they refer to. Nothing in them is verified, and the lines say so. */
import type { DocumentInfo, ReferrerInfo } from "../attestation/referrer.ts";
import { formatBytes } from "./format.ts";
import { type Part, row } from "./layout.ts";

/** Referrers of one manifest that are shown; `--json` has all. */
const maxShown = 20;

const words = {
  signature: "Signature",
  sbom: "Bill of materials",
  provenance: "Provenance",
  statement: "Statement",
  other: "Other",
} as const;

function labelOf({ kind, format, artifactType, documents }: ReferrerInfo): string {
  const [first] = documents;
  const title = first?.title === undefined ? "" : ` (${first.title})`;
  if (kind === "other") return `${words.other}: ${artifactType ?? "no type"}${title}`;
  if (kind === "sbom") return `${words.sbom}: ${format}${title}`;
  const what = kind === "statement" ? (first?.predicateType ?? format) : format;
  return `${words[kind]}: ${what}${title}, not verified`;
}

function documentLines({ says, namesArtifact }: DocumentInfo): readonly string[] {
  const lines: string[] = [];
  if (says?.builder !== undefined) lines.push(`says: built by ${says.builder}`);
  if (says?.source !== undefined) lines.push(`says: from ${says.source}`);
  if (says?.revision !== undefined) lines.push(`says: revision ${says.revision}`);
  if (says?.checksum !== undefined) lines.push(`says: checksum of the source ${says.checksum}`);
  if (namesArtifact === false) lines.push("names other content than this artifact");
  return lines;
}

/** Lines of one manifest's referrers, by the digest of the manifest. */
export class ReferrerLines {
  readonly #bySubject = new Map<string, ReferrerInfo[]>();

  constructor(referrers: readonly ReferrerInfo[]) {
    for (const one of referrers) {
      const others = this.#bySubject.get(one.subject) ?? [];
      this.#bySubject.set(one.subject, [...others, one]);
    }
  }

  /** @param above Subjects on the way to this one: a tag of cosign may lead back to one of them. */
  below(subject: string, indent: string, above: readonly string[] = []): readonly Part[] {
    if (above.includes(subject)) return [];
    const all = this.#bySubject.get(subject) ?? [];
    const lines = all.slice(0, maxShown).flatMap((one) => this.#linesOf(one, indent, [...above, subject]));
    const rest = all.length - maxShown;
    return rest > 0 ? [...lines, `${indent}and ${rest} more; --json shows all`] : lines;
  }

  #linesOf(referrer: ReferrerInfo, indent: string, above: readonly string[]): readonly Part[] {
    const { digest, documents, problem } = referrer;
    const size = documents.reduce((sum, one) => sum + one.size, 0);
    const sizes = documents.length === 0 ? [] : [formatBytes(size)];
    const inner = `${indent}  `;
    return [
      row(indent + labelOf(referrer), ...sizes, digest),
      ...[...new Set(documents.flatMap(documentLines))].map((line) => inner + line),
      ...(problem === undefined ? [] : [`${inner}not read: ${problem}`]),
      ...this.below(digest, inner, above),
    ];
  }
}
