/**
 * The identity in a signer's certificate, read strictly: a certificate that could be read as another's is refused.
 *
 * @see Fulcio, docs/oid-info.md
 */
import { X509Certificate as NodeCertificate } from "node:crypto";
import { X509Certificate } from "@sigstore/core";
import type { Identity } from "../model/identity.ts";
import { malformed } from "./evidence.ts";

const issuerOid = "1.3.6.1.4.1.57264.1.8";
/** Certificates of 2022 and before; the text is without a header. */
const olderIssuerOid = "1.3.6.1.4.1.57264.1.1";
const codeSigningOid = "1.3.6.1.5.5.7.3.3";

/** One name of mail or a URI; Node quotes a name with other characters, and separates several names by a comma. */
const onlyName = /^(?:URI|email):([\x21\x23-\x2b\x2d-\x7e]+)$/;

/** The library drops the highest bit of each byte, so that other letters would become these. */
function asciiOf(bytes: Buffer | undefined, what: string): string {
  const text = bytes?.toString("latin1") ?? "";
  if (!/^[\x21-\x7e]+$/.test(text)) throw malformed(`the ${what} in its certificate is no plain text`);
  return text;
}

/**
 * Reads subject and issuer of a certificate whose chain the caller has verified.
 *
 * @throws {ContentVerificationError} `SIGNATURE_INVALID`
 */
export function identityOf(der: Buffer): Identity {
  const known = new NodeCertificate(der);
  const [, subject] = onlyName.exec(known.subjectAltName ?? "") ?? [];
  if (subject === undefined) throw malformed("its certificate names not exactly one subject, by an address");
  // Certificates of servers and people, from an authority for these too, sign no code.
  if (!(known.keyUsage ?? []).includes(codeSigningOid)) {
    throw malformed("its certificate is not for code signing");
  }
  const certificate = X509Certificate.parse(Buffer.from(der));
  const stated = certificate.extension(issuerOid)?.valueObj.subs[0] ?? certificate.extension(olderIssuerOid);
  return { subject, issuer: asciiOf(stated?.value, "issuer") };
}

const repositoryOid = "1.3.6.1.4.1.57264.1.12";
const revisionOid = "1.3.6.1.4.1.57264.1.13";

/** Source of a build, as the identity's issuer stated it for the certificate. */
export interface CertifiedSource {
  /** URL of the repository. */
  readonly repository: string | undefined;
  /** Commit. */
  readonly revision: string | undefined;
}

/** Reads the source of a certificate whose chain the caller has verified; certificates before 2023 have none. */
export function sourceOf(der: Buffer): CertifiedSource {
  const certificate = X509Certificate.parse(Buffer.from(der));
  const textOf = (oid: string, what: string): string | undefined => {
    const found = certificate.extension(oid);
    return found === undefined ? undefined : asciiOf(found.valueObj.subs[0]?.value, what);
  };
  return { repository: textOf(repositoryOid, "repository"), revision: textOf(revisionOid, "revision") };
}
