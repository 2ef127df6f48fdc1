/**
 * Validation of names in archives. An attacker controls the names. A valid name is a relative path that stays below the
 * folder to which it is joined. A portable name can be created on every system; other valid names, such as `File::Spec`
 * of a manual page, are refused on the systems that cannot have them.
 */
import type { ArchiveLimits } from "./limits.ts";
import { quoted, Refusal } from "./refusal.ts";

/** Windows device names; `NUL.txt` and `nul .tar.gz` also name the device. */
const deviceName = /^(?:con|prn|aux|nul|com[0-9\u00b9\u00b2\u00b3]|lpt[0-9\u00b9\u00b2\u00b3]|conin\$|conout\$)$/i;

/**
 * Bidi controls can show `txt.exe` as `exe.txt` (Unicode Standard Annex #9). Joiners are allowed: some languages need
 * them.
 */
const bidiControl = /\p{Bidi_Control}/u;

/** Longest file name of common file systems, in UTF-8 bytes. */
const maxSegmentBytes = 255;

/** The reason why Windows cannot have a file of this name, or has another one for it; undefined for a valid name. */
export function windowsFault(segment: string): string | undefined {
  if (segment.includes(":")) return "has a colon in its name, which is a drive or a stream on Windows";
  if (/[<>"|?*]/.test(segment)) return "has a character in its name that Windows refuses";
  if (/[. ]$/.test(segment)) return "has a name that ends in a dot or a space, which Windows drops";
  if (deviceName.test((segment.split(".")[0] ?? "").trimEnd())) return "is named like a device of Windows";
  return undefined;
}

/** Systems on which the files of a path will be: `portable` for all of them, `unix` for all but Windows. */
export type PathSystems = "portable" | "unix";

/** The fault of a path component; undefined for a valid component. */
function segmentFault(segment: string, systems: PathSystems): string | undefined {
  if (segment === "") return "has an empty part in its path";
  if (segment === "..") return "leads outside with `..`";
  if (/[\p{Cc}\p{Zl}\p{Zp}]/u.test(segment)) return "has a control character in its name";
  if (bidiControl.test(segment)) return "has a character in its name that reverses text";
  if (segment.includes("\ufffd") || /\p{Cs}/u.test(segment)) return "has a name that is not UTF-8";
  if (segment.includes("\\")) return "has a backslash in its name, which separates folders on Windows";
  const fault = systems === "portable" ? windowsFault(segment) : undefined;
  if (fault !== undefined) return fault;
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
 * Parses an entry's path. `.` components and one trailing `/` are dropped: `tar` writes `./` and `dir/./file`. In an
 * archive, doubled slashes count as one, as for every system: `tar` keeps them as the user wrote them.
 *
 * @returns The components; empty for the archive's root (`./`).
 * @throws {Refusal} a name that could lead outside, or that one of the systems cannot create
 */
export function parseEntryPath(
  name: string,
  limits: ArchiveLimits,
  systems: PathSystems = "portable",
): readonly string[] {
  checkAbsolute(name, "is named by");
  checkLength(name, limits);
  const parts = (name.endsWith("/") ? name.slice(0, -1) : name)
    .split("/")
    .filter((part) => part !== "." && (part !== "" || systems === "portable"));
  for (const part of parts) {
    const fault = segmentFault(part, systems);
    if (fault !== undefined) throw new Refusal("ARCHIVE_UNSAFE", fault);
  }
  if (parts.length > limits.maxDepth) {
    throw new Refusal("ARCHIVE_TOO_LARGE", `lies deeper than ${limits.maxDepth} folders`);
  }
  return parts;
}

/**
 * Parses a symbolic link's target into components, including `..`; `EntryTree` checks the destination.
 *
 * @throws {Refusal} an absolute target, or a refused component
 */
export function parseLinkTarget(
  target: string,
  limits: ArchiveLimits,
  systems: PathSystems = "portable",
): readonly string[] {
  checkAbsolute(target, "links to");
  checkLength(target, limits);
  const parts = target.split("/").filter((part) => part !== "." && part !== "");
  for (const part of parts) {
    const fault = part === ".." ? undefined : segmentFault(part, systems);
    if (fault !== undefined) throw new Refusal("ARCHIVE_UNSAFE", `links to ${quoted(target)}, which ${fault}`);
  }
  return parts;
}

/** Characters ignored by HFS+ in name comparisons (Apple TN1150, as listed by git's protectHFS). */
const ignoredByHfs = /[\u200c-\u200f\u202a-\u202e\u206a-\u206f\ufeff]/g;

/**
 * A key that is equal for names that some file system treats as equal: by case, Unicode normalization, or ignored
 * characters.
 *
 * Lower case comes first: `ẞ` folds to `ss`, like `ß`, only through its lower case.
 */
export function foldName(segment: string): string {
  return segment.replace(ignoredByHfs, "").normalize("NFD").toLowerCase().toUpperCase().toLowerCase().normalize("NFC");
}
