/** Explanations of TLS failures, each with its next step. */

export interface TlsFailure {
  readonly what: string;
  readonly hint: string;
  /** True if a retry would fail in the same way. */
  readonly isLasting: boolean;
}

const caHint =
  "name a private certificate authority with --ca-file, SSL_CERT_FILE, or in certs.d (docs/configuration.md of buck2-oras)";
const untrusted = "the certificate's authority is not trusted";
const clockHint = "check this machine's clock; else tell the server's operator";
const clientHint = "put NAME.cert with NAME.key into certs.d/HOST (docs/configuration.md of buck2-oras)";
const plainHint = "name a plain-http server with --plain-http=HOST, or `plainHttpHosts` in your own configuration file";

/** The hint for a server with TLS that was asked over http: on loopback, http is the default. */
export const tlsHint = "use https with --plain-http=false, or name the host in `httpsHosts` of a configuration file";

/** Keyed by the error codes of OpenSSL and Node. */
const failures: Readonly<Record<string, readonly [what: string, hint: string]>> = {
  DEPTH_ZERO_SELF_SIGNED_CERT: ["the certificate is self-signed", caHint],
  SELF_SIGNED_CERT_IN_CHAIN: [untrusted, caHint],
  UNABLE_TO_GET_ISSUER_CERT: [untrusted, caHint],
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: [untrusted, caHint],
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: [`${untrusted}, or the server omits a certificate of the chain`, caHint],
  CERT_HAS_EXPIRED: ["the certificate has expired", clockHint],
  CERT_NOT_YET_VALID: ["the certificate is not valid yet", clockHint],
  ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED: ["the server requires a client certificate", clientHint],
  ERR_SSL_WRONG_VERSION_NUMBER: ["the server does not speak TLS", plainHint],
};
const maxNamesLength = 200;

/** Names in the certificate; the answering server controls them. */
function namesOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !("cert" in error)) return undefined;
  const { cert } = error;
  if (typeof cert !== "object" || cert === null || !("subjectaltname" in cert)) return undefined;
  return String(cert.subjectaltname).slice(0, maxNamesLength);
}

/**
 * @param code The error's code, from Node or OpenSSL.
 * @returns undefined for an error unrelated to TLS.
 */
export function tlsFailure(code: string, error: unknown): TlsFailure | undefined {
  const message = error instanceof Error ? error.message : String(error);
  if (code === "ERR_TLS_CERT_ALTNAME_INVALID") {
    const what = `the certificate is for another host: ${namesOf(error) ?? "no host is named"}`;
    return { what, hint: "check the host's spelling and its port; else tell the host's operator", isLasting: true };
  }
  const known =
    failures[/wrong version number|packet length too long/i.test(message) ? "ERR_SSL_WRONG_VERSION_NUMBER" : code];
  if (known !== undefined) return { what: known[0], hint: known[1], isLasting: true };
  const isTls =
    /^ERR_(?:TLS|SSL)|CERT|SELF_SIGNED|UNABLE_TO_VERIFY|EPROTO/.test(code) || /\bSSL\b|wrong version/i.test(message);
  return isTls ? { what: code, hint: `${caHint}; ${plainHint}`, isLasting: code.includes("CERT") } : undefined;
}
