/** Refusal of archives and compressed files that cannot be unpacked. */
import { ContentVerificationError } from "../errors.ts";
import type { FileSource } from "../files/opened-file.ts";
import { systemPackageOf, unsupportedFormatOf } from "./format.ts";
import { quoted } from "./refusal.ts";

/**
 * Refuses a file that would be taken for a program, and is an archive in an unsupported format.
 *
 * @param name Name of the file, for messages.
 * @param otherwise The next step for somebody who wants the file as it is.
 * @throws {ContentVerificationError} `ARCHIVE_UNSUPPORTED`
 */
export async function refuseUnsupported(source: FileSource, name: string, otherwise: string): Promise<void> {
  const systemPackage = await systemPackageOf(source);
  if (systemPackage !== undefined) {
    throw new ContentVerificationError("ARCHIVE_UNSUPPORTED", `${quoted(name)} is ${systemPackage}`, {
      hint: `unpack it, and publish the program or a tar.gz; ${otherwise}`,
    });
  }
  const format = await unsupportedFormatOf(source);
  if (format === undefined) return;
  throw new ContentVerificationError("ARCHIVE_UNSUPPORTED", `${quoted(name)} is compressed by ${format}`, {
    hint: `pack it again as tar.gz, tar.zst, tar.xz or zip; ${otherwise}`,
  });
}
