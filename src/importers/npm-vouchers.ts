/**
 * Vouchers of npm's registry: checksum, signatures of the registry, attestations.
 *
 * @see docs.npmjs.com, "About ECDSA registry signatures" and "Generating provenance statements"
 */
import * as v from "valibot";
import { ContentVerificationError } from "../errors.ts";
import { ask } from "./ask.ts";
import { statedSum } from "./npm-integrity.ts";
import type { NpmPackage } from "./npm-package.ts";
import type { ImporterServices } from "./source.ts";
import { type FetchedFile, maxAttestationBytes, maxAttestations, type Vouchers } from "./vouchers.ts";

const answerSchema = v.object({ attestations: v.array(v.object({ bundle: v.record(v.string(), v.unknown()) })) });

/** The names that a statement may use: npm writes `%40` for the `@` of a scope. */
export function namesOf({ name, version }: Pick<NpmPackage, "name" | "version">): readonly string[] {
  return [`pkg:npm/${name.replace("@", "%40")}@${version}`, `pkg:npm/${name}@${version}`];
}

const folder = "/-/npm/v1/attestations/";

/**
 * The address that the registry states, at the host of the archive: npm too takes only the path. A mirror below a path
 * (Artifactory, Nexus) hands on the path of the registry behind it, and has the attestations below its own.
 *
 * @returns undefined for an address that npm's registry does not use
 */
function addressOf({ dist, name, version }: NpmPackage): URL | undefined {
  const stated = dist.attestations?.url;
  if (stated === undefined || !URL.canParse(stated)) return undefined;
  const { pathname } = new URL(stated);
  const [tail] = pathname.split(folder).slice(-1);
  if (tail === undefined || decoded(tail) !== `${name}@${version}`) return undefined;
  const archive = new URL(dist.tarball);
  return new URL(pathname.startsWith(folder) ? pathOfRegistry(archive, name) + pathname : pathname, archive.origin);
}

/** Part of an archive's address before the package's name. */
function pathOfRegistry({ pathname }: URL, name: string): string {
  const before = `/${name}/-/`;
  const path = decoded(pathname);
  return path.includes(before) ? encodeURI(path.slice(0, path.indexOf(before))) : "";
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

export function npmBundles(bytes: Uint8Array, exact: string): readonly Uint8Array[] {
  const invalid = (why: string): Error =>
    new ContentVerificationError("IMPORT_CONTENT_INVALID", `the attestations of ${exact} ${why}`, {
      hint: "ask the registry's operator; nothing was imported",
    });
  let answer: v.InferOutput<typeof answerSchema>;
  try {
    answer = v.parse(answerSchema, JSON.parse(Buffer.from(bytes).toString("utf8")));
  } catch {
    throw invalid("are not as npm's registry writes them");
  }
  if (answer.attestations.length > maxAttestations) throw invalid(`are more than ${maxAttestations}`);
  return answer.attestations.map(({ bundle }) => Buffer.from(JSON.stringify(bundle)));
}

export async function npmVouchers(
  part: NpmPackage,
  file: FetchedFile,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<Vouchers> {
  const { name, version, dist } = part;
  const exact = `${name}@${version}`;
  // The caller has compared the archive with the strongest stated checksum.
  const kind = statedSum(dist.integrity ?? undefined, dist.shasum ?? undefined)?.algorithm ?? "sha1";
  const checked = { level: "checksum", by: `${kind} stated by npm's registry` } as const;
  const integrity = `sha512-${Buffer.from(file.sha512, "hex").toString("base64")}`;
  const signatures = dist.signatures.slice(0, maxAttestations).map(({ keyid, sig }) => ({
    keyId: keyid,
    signature: sig,
    text: `${exact}:${integrity}`,
  }));
  const found = { file, checked, signatures };
  if (dist.attestations === undefined) return { ...found, attestations: [], missed: [] };
  const url = addressOf(part);
  const what = `the attestation of ${name}`;
  if (url === undefined) return { ...found, attestations: [], missed: [`${what} has no address of this version`] };
  const asked = await ask({ url, accept: "application/json", maxBytes: maxAttestationBytes, what }, services, signal);
  if ("missed" in asked) return { ...found, attestations: [], missed: [asked.missed] };
  return { ...found, attestations: npmBundles(asked.bytes, exact), missed: [] };
}
