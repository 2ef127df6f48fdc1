/**
 * Names in archives. An attacker writes them; what passes here is a relative path that every system can create and
 * that stays below the folder it is joined to.
 */
import type { ArchiveLimits } from "./limits.ts";
import { quoted, Refusal } from "./refusal.ts";

/** Device names of Windows; `NUL.txt` and `nul .tar.gz` mean the device too. */
const deviceName = /^(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]|conin\$|conout\$)$/i;

/** `exe.txt` shown for `txt.exe` (Unicode Standard Annex #9, Bidi_Control). Joiners stay: some languages are written with them. */
const bidiControl = /\p{Bidi_Control}/u;

/** Longest name of one file that common file systems take, in UTF-8 bytes. */
const maxSegmentBytes = 255;

/** Why one part of a path is refused on every system; undefined if it is fine. */
function segmentFault(segment: string): string | undefined {
  if (segment === "") return "has an empty part in its path";
  if (segment === "..") return "leads outside with `..`";
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(segment)) return "has a control character in its name";
  if (bidiControl.test(segment)) return "has a character in its name that turns text round";
  if (segment.includes("\ufffd") || /\p{Cs}/u.test(segment)) return "has a name that is not UTF-8";
  if (segment.includes("\\")) return "has a backslash in its name, which separates folders on Windows";
  if (segment.includes(":")) return "has a colon in its name, which is a drive or a stream on Windows";
  if (/[<>"|?*]/.test(segment)) return "has a character in its name that Windows refuses";
  if (/[. ]$/.test(segment)) return "has a name that ends in a dot or a space, which Windows drops";
  if (deviceName.test((segment.split(".")[0] ?? "").trimEnd())) return "is named like a device of Windows";
  if (Buffer.byteLength(segment) > maxSegmentBytes) return `has a name of more than ${maxSegmentBytes} bytes`;
  return undefined;
}

function checkAbsolute(name: string, what: string): void {
  if (name === "") throw new Refusal("ARCHIVE_UNSAFE", `${what} nothing`);
  if (name.startsWith("/")) throw new Refusal("ARCHIVE_UNSAFE", `${what} an absolute path`);
}

function checkLength(name: string, limits: ArchiveLimits): void {
  if (Buffer.byteLength(name) > limits.maxPathBytes) {
    throw new Refusal("ARCHIVE_TOO_LARGE", `has a path of more than ${limits.maxPathBytes} bytes`);
  }
}

/**
 * The parts of an entry's path. `.` parts and one trailing `/` are dropped: `tar` writes `./` and `dir/./file`.
 *
 * @returns No parts for the archive's root itself (`./`).
 * @throws {Refusal} for a name that could lead outside, or that some system cannot create
 */
export function parseEntryPath(name: string, limits: ArchiveLimits): readonly string[] {
  checkAbsolute(name, "is named by");
  checkLength(name, limits);
  const parts = (name.endsWith("/") ? name.slice(0, -1) : name).split("/").filter((part) => part !== ".");
  for (const part of parts) {
    const fault = segmentFault(part);
    if (fault !== undefined) throw new Refusal("ARCHIVE_UNSAFE", fault);
  }
  if (parts.length > limits.maxDepth) {
    throw new Refusal("ARCHIVE_TOO_LARGE", `lies deeper than ${limits.maxDepth} folders`);
  }
  return parts;
}

/**
 * The parts of a symbolic link's target, `..` among them: where they lead is for the tree to say.
 *
 * @throws {Refusal} for an absolute target, or one with a name that is refused
 */
export function parseLinkTarget(target: string, limits: ArchiveLimits): readonly string[] {
  checkAbsolute(target, "links to");
  checkLength(target, limits);
  const parts = target.split("/").filter((part) => part !== "." && part !== "");
  for (const part of parts) {
    const fault = part === ".." ? undefined : segmentFault(part);
    if (fault !== undefined) throw new Refusal("ARCHIVE_UNSAFE", `links to ${quoted(target)}, which ${fault}`);
  }
  return parts;
}

/** Characters that HFS+ leaves out when it compares names (Apple TN1150, as git's protectHFS lists them). */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * Equal for names that some file system takes for one: by case, by Unicode normalization, by characters that it ignores.
 *
 * Lower case comes first: `ẞ` has no upper case of its own, and is `ss` as `ß` is only by way of that.
 */
export function foldName(segment: string): string {
  return segment.replace(ignoredByHfs, "").normalize("NFD").toLowerCase().toUpperCase().toLowerCase().normalize("NFC");
}
