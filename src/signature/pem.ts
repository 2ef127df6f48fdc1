/** Blocks of PEM text. The text may come from anybody. */

export interface PemBlock {
  /** The words between `BEGIN` and the dashes, such as `PRIVATE KEY`. */
  readonly label: string;
  readonly bytes: Uint8Array;
}

const blockPattern = /-----BEGIN ([A-Z0-9 ]{1,64})-----\r?\n([^-]*)-----END \1-----/g;
const base64Pattern = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{4}|[A-Za-z0-9+/]{3}=|[A-Za-z0-9+/]{2}==)$/;

/**
 * The well-formed blocks of a text, in order; other text is skipped, as RFC 7468 allows.
 *
 * A block with header lines has none: headers mark the encryption of OpenSSL's oldest format.
 *
 * @see RFC 7468, section 3
 */
export function parsePem(text: string): readonly PemBlock[] {
  return [...text.matchAll(blockPattern)].flatMap(([, label = "", body = ""]) => {
    const base64 = body.replace(/[ \t\r\n]/g, "");
    return base64Pattern.test(base64) ? [{ label, bytes: Buffer.from(base64, "base64") }] : [];
  });
}
