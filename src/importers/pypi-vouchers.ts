/**
 * Vouchers of a Python index: the checksum on its page of a package, and attestations.
 *
 * @see PEP 691 (pages as JSON), PEP 740 (attestations)
 */
import * as v from "valibot";
import { ContentVerificationError } from "../errors.ts";
import { ask } from "./ask.ts";
import type { ClientRun } from "./run.ts";
import type { ImporterServices } from "./source.ts";
import { type FetchedFile, maxAttestationBytes, maxAttestations, nothingSaid, type Vouchers } from "./vouchers.ts";

/** The page of a package with thousands of files has 10 MB. */
const maxPageBytes = 64 * 1024 * 1024;
/** Indexes of one configuration whose pages are read. */
const maxPages = 4;

const asked = /^\s*Fetching project page and analyzing links: (https?:\/\/\S+)$/gm;
const pageTypes = "application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html;q=0.2, text/html;q=0.1";
const attestationTypes = "application/vnd.pypi.integrity.v1+json, application/json;q=0.1";

/** One file, as a page lists it. */
interface Listed {
  readonly page: URL;
  readonly filename: string;
  readonly sha256: string | undefined;
  readonly provenance: string | undefined;
}

const jsonPage = v.object({ files: v.array(v.unknown()) });
const jsonFile = v.object({
  filename: v.string(),
  hashes: v.fallback(v.record(v.string(), v.string()), {}),
  provenance: v.fallback(v.nullish(v.string()), undefined),
});

/** Bounded, and linear in the page's length: no part can match in two ways. */
const anchor = /<a\s([^<>]{1,4000})>\s*([^<>\s]{1,300})\s*<\/a>/gi;
const inHref = /href\s*=\s*"[^"#]*#([^"]*)"/i;
const inAttribute = /data-provenance\s*=\s*"([^"]{1,2000})"/i;

/** Finds a file on a page. @returns undefined if the page does not list the file with this checksum. */
export function listedIn(
  bytes: Uint8Array,
  page: URL,
  wanted: Pick<Listed, "filename" | "sha256">,
): Listed | undefined {
  const text = Buffer.from(bytes).toString("utf8");
  const isWanted = (one: Omit<Listed, "page">): boolean =>
    one.filename === wanted.filename && one.sha256 === wanted.sha256;
  let files: readonly unknown[];
  try {
    files = v.parse(jsonPage, JSON.parse(text)).files;
  } catch {
    for (const [, attributes = "", filename = ""] of text.matchAll(anchor)) {
      if (filename !== wanted.filename) continue;
      const fragment = new URLSearchParams(inHref.exec(attributes)?.[1]?.replaceAll("&amp;", "&"));
      const provenance = inAttribute.exec(attributes)?.[1];
      const listed = { page, filename, sha256: fragment.get("sha256") ?? undefined, provenance };
      if (isWanted(listed)) return listed;
    }
    return undefined;
  }
  for (const one of files) {
    const parsed = v.safeParse(jsonFile, one);
    if (!parsed.success) continue;
    const { filename, hashes, provenance } = parsed.output;
    const listed = { page, filename, sha256: hashes.sha256, provenance: provenance ?? undefined };
    if (isWanted(listed)) return listed;
  }
  return undefined;
}

const hash = v.pipe(v.string(), v.regex(/^[A-Za-z0-9+/]+={0,2}$/));
const provenanceSchema = v.object({
  version: v.literal(1),
  attestation_bundles: v.array(
    v.object({
      attestations: v.array(
        v.object({
          version: v.literal(1),
          verification_material: v.object({
            certificate: hash,
            transparency_entries: v.array(v.record(v.string(), v.unknown())),
          }),
          envelope: v.object({ statement: hash, signature: hash }),
        }),
      ),
    }),
  ),
});

type Attestation = v.InferOutput<typeof provenanceSchema>["attestation_bundles"][number]["attestations"][number];

/** The same attestation in the form of Sigstore. @see PEP 740, "Attestation objects" */
function bundleOf({ verification_material: material, envelope }: Attestation): Uint8Array {
  return Buffer.from(
    JSON.stringify({
      mediaType: "application/vnd.dev.sigstore.bundle.v0.3+json",
      verificationMaterial: {
        certificate: { rawBytes: material.certificate },
        tlogEntries: material.transparency_entries,
      },
      dsseEnvelope: {
        payload: envelope.statement,
        payloadType: "application/vnd.in-toto+json",
        signatures: [{ sig: envelope.signature }],
      },
    }),
  );
}

export function pypiBundles(bytes: Uint8Array, filename: string): readonly Uint8Array[] {
  const invalid = (why: string): Error =>
    new ContentVerificationError("IMPORT_CONTENT_INVALID", `the attestations of ${filename} ${why}`, {
      hint: "ask the index's operator; nothing was imported",
    });
  let parsed: v.InferOutput<typeof provenanceSchema>;
  try {
    parsed = v.parse(provenanceSchema, JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    throw invalid("are not as PEP 740 has them");
  }
  const all = parsed.attestation_bundles.flatMap(({ attestations }) => attestations);
  if (all.length > maxAttestations) throw invalid(`are more than ${maxAttestations}`);
  return all.map(bundleOf);
}

/** Pages of one import: the platforms of a package share them. */
export type Pages = Map<string, ReturnType<typeof ask>>;

export interface PypiFile {
  readonly file: FetchedFile;
  readonly filename: string;
  /** The run of pip that fetched the file. */
  readonly ran: ClientRun;
  readonly pages: Pages;
}

export async function pypiVouchers(
  { file, filename, ran, pages }: PypiFile,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<Vouchers> {
  const missed: string[] = [];
  const addresses = [...new Set([...ran.output.matchAll(asked)].map(([, address = ""]) => address))];
  for (const address of addresses.slice(0, maxPages)) {
    if (!URL.canParse(address)) continue;
    const url = new URL(address);
    // pip writes asterisks for a password, and no login is sent.
    url.username = "";
    url.password = "";
    const what = `the index's page ${url.host}${url.pathname}`;
    const known = pages.get(address) ?? ask({ url, accept: pageTypes, maxBytes: maxPageBytes, what }, services, signal);
    pages.set(address, known);
    const answer = await known;
    if ("missed" in answer) {
      missed.push(answer.missed);
      continue;
    }
    const listed = listedIn(answer.bytes, url, { filename, sha256: file.sha256 });
    if (listed === undefined) continue;
    const checked = { level: "checksum", by: "sha256 stated by the Python index" } as const;
    const found =
      listed.provenance === undefined ? { attestations: [], missed: [] } : await attested(listed, services, signal);
    return { ...nothingSaid, file, checked, ...found };
  }
  return { ...nothingSaid, file, missed };
}

async function attested(
  { page, filename, provenance = "" }: Listed,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<Pick<Vouchers, "attestations" | "missed">> {
  const what = "the attestation";
  const url = URL.canParse(provenance, page.href) ? new URL(provenance, page) : undefined;
  if (url?.origin !== page.origin) return { attestations: [], missed: [`${what} is at another host than the index`] };
  const question = { url, accept: attestationTypes, maxBytes: maxAttestationBytes, what };
  const answer = await ask(question, services, signal);
  if ("missed" in answer) return { attestations: [], missed: [answer.missed] };
  return { attestations: pypiBundles(answer.bytes, filename), missed: [] };
}
