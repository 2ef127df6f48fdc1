/** Parser of `Content-Range` headers; a registry or a proxy controls the header. */

export interface ContentRange {
  /** Position of the first byte, counted from 0. */
  readonly first: number;
  /** Position of the last byte. */
  readonly last: number;
  /** Bytes of the whole content; undefined for `*`. */
  readonly total: number | undefined;
}

/**
 * @returns undefined for anything but one well-formed range of bytes.
 * @see RFC 9110, section 14.4
 */
export function parseContentRange(header: string | undefined): ContentRange | undefined {
  // Fifteen digits are a safe integer.
  const match = /^bytes ([0-9]{1,15})-([0-9]{1,15})\/([0-9]{1,15}|\*)$/i.exec(header?.trim() ?? "");
  if (match === null) return undefined;
  const [first, last] = [Number(match[1]), Number(match[2])];
  const total = match[3] === "*" ? undefined : Number(match[3]);
  return first <= last && (total === undefined || last < total) ? { first, last, total } : undefined;
}
