/** Archives, compressed files and packages that cannot be unpacked, by their first bytes. */
import { ContentVerificationError } from "../errors.ts";
import type { FileSource } from "../files/opened-file.ts";
import { compressionOf, readFormatHead, startsWith } from "./format.ts";
import { quoted } from "./refusal.ts";

/** First bytes of a format. */
type Magic = readonly (readonly [name: string, magic: ArrayLike<number>])[];

const compressions: Magic = [
  // `BZh`, a digit, and the mark of a block or of the end; the digit is 0 here, and is not compared.
  ["bzip2", [0x42, 0x5a, 0x68, 0, 0x31, 0x41, 0x59, 0x26, 0x53, 0x59]],
  ["bzip2", [0x42, 0x5a, 0x68, 0, 0x17, 0x72, 0x45, 0x38, 0x50, 0x90]],
  ["7z", [0x37, 0x7a, 0xbc, 0xaf, 0x27, 0x1c]],
  ["lzip", [0x4c, 0x5a, 0x49, 0x50, 0x01]],
  ["rar", [0x52, 0x61, 0x72, 0x21, 0x1a, 0x07]],
  // A file of the old format has no magic number: these are the usual properties and the usual sizes of its dictionary.
  ["lzma", [0x5d, 0x00, 0x00, 0x80, 0x00]],
  ["lzma", [0x5d, 0x00, 0x00, 0x00, 0x04]],
];

/** Packages for the installers of systems. */
const systemPackages: Magic = [
  ["an ar archive, such as a Debian package", Buffer.from("!<arch>\n")],
  ["an RPM package", [0xed, 0xab, 0xee, 0xdb]],
  ["a macOS installer package (xar)", Buffer.from("xar!")],
  ["a cabinet file", Buffer.from("MSCF")],
  ["an MSI package", [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1]],
];

function nameIn(formats: Magic, head: Uint8Array): string | undefined {
  const found = formats.find(([, magic]) => {
    const anyDigit = magic[0] === 0x42 ? 3 : -1;
    const expected = Array.from(magic, (byte, index) => (index === anyDigit ? (head[index] ?? 0) : byte));
    return startsWith(head, expected);
  });
  return found?.[0];
}

/** A file that cannot be unpacked. */
export interface Unsupported {
  /** A predicate, such as `is an RPM package`. */
  readonly reason: string;
  readonly hint: string;
}

/** @returns Undefined for a file of any other kind. */
export async function unsupportedKindOf(source: FileSource): Promise<Unsupported | undefined> {
  const head = await readFormatHead(source);
  const systemPackage = nameIn(systemPackages, head);
  if (systemPackage !== undefined) {
    return { reason: `is ${systemPackage}`, hint: "unpack it, and publish the program or a tar.gz" };
  }
  const format = nameIn(compressions, head);
  if (format === undefined) return undefined;
  return { reason: `is compressed by ${format}`, hint: "pack it again as tar.gz, tar.zst, tar.xz or zip" };
}

/** Name of the format of a compressed file's content, if the content is an archive or compressed again. */
export function formatInside(head: Uint8Array): string | undefined {
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04])) return "zip";
  return compressionOf(head) ?? nameIn(compressions, head);
}

/**
 * Refuses a file that would be taken for a program, and is an archive in an unsupported format.
 *
 * @param name Name of the file, for messages.
 * @param otherwise The next step for somebody who wants the file as it is.
 * @throws {ContentVerificationError} `ARCHIVE_UNSUPPORTED`
 */
export async function refuseUnsupported(source: FileSource, name: string, otherwise: string): Promise<void> {
  const unsupported = await unsupportedKindOf(source);
  if (unsupported === undefined) return;
  throw new ContentVerificationError("ARCHIVE_UNSUPPORTED", `${quoted(name)} ${unsupported.reason}`, {
    hint: `${unsupported.hint}; ${otherwise}`,
  });
}
