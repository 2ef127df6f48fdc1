/** Names of a checked tree that the file system of the output cannot have. */
import { mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { join, sep } from "node:path";
import { isErrno, LocalIoError, localIoError } from "../errors.ts";
import type { ArchiveEntry } from "./entry.ts";
import { foldName, windowsFault } from "./entry-path.ts";
import { nodesOf } from "./nodes.ts";
import { archiveError, Refusal } from "./refusal.ts";
import type { WalkedEntry } from "./walk.ts";

const hint = "unpack it on a system that can have such names, such as Linux; nothing was unpacked";

/**
 * Refuses names that Windows cannot have. Node creates some of them past Windows' own rules, and no other program could
 * open or remove the files; `name:stream` would write into another file.
 *
 * @throws {Refusal} `ARCHIVE_UNSAFE`, on Windows alone
 */
export function checkLocalNames({ path, linkTarget }: WalkedEntry): void {
  if (sep !== "\\") return;
  for (const part of [...path, ...linkTarget.split("/")]) {
    const fault = part === "." || part === ".." ? undefined : windowsFault(part);
    if (fault !== undefined) throw new Refusal("ARCHIVE_UNSAFE", fault, hint);
  }
}

/** An error of writing into the staging folder, which holds nothing but the entries of the archive. */
export function explainTaken(error: unknown): unknown {
  const isTaken = error instanceof LocalIoError && isErrno(error.cause, "EEXIST");
  return isTaken ? takenName() : error;
}

/** The refusal of an entry that is in the staging folder already, under another name of the archive. */
export function takenName(): Refusal {
  return new Refusal("ARCHIVE_UNSAFE", "has a name that this file system takes for that of another entry", hint);
}

/** Folder of the tree → names in it that some file systems take for one. */
function twinsIn(entries: readonly ArchiveEntry[]): ReadonlyMap<string, ReadonlySet<string>> {
  const first = new Map<string, string>();
  const twins = new Map<string, Set<string>>();
  for (const { folder, name } of nodesOf(entries.map(({ path }) => path))) {
    const key = `${folder}/${foldName(name)}`;
    const other = first.get(key);
    if (other === undefined) first.set(key, name);
    else twins.set(folder, (twins.get(folder) ?? new Set()).add(other).add(name));
  }
  return twins;
}

/**
 * Checks that existing folders tell the names of the archive apart. The staging folder is beside the output, but a
 * folder in it can have rules of its own: ext4(5), casefold; Windows' case-sensitive folders.
 *
 * @throws {ContentVerificationError} `ARCHIVE_UNSAFE`
 * @throws {LocalIoError}
 */
export async function checkTwins(archivePath: string, folder: string, entries: readonly ArchiveEntry[]): Promise<void> {
  for (const [below, names] of twinsIn(entries)) {
    const place = join(folder, below);
    // A missing folder comes from the staging folder. A link in its place is refused by the merge.
    if ((await realpath(place).catch(() => undefined)) !== place) continue;
    const probe = await mkdtemp(join(place, ".buck2-oras-names-")).catch((cause: unknown) => {
      throw localIoError(`write into ${place}`, cause);
    });
    try {
      for (const name of names) await writeFile(join(probe, name), "", { flag: "wx" });
    } catch (cause) {
      if (isErrno(cause, "EEXIST")) throw archiveError(archivePath, [...names].join(", "), takenName());
      throw localIoError(`write into ${place}`, cause);
    } finally {
      await rm(probe, { recursive: true, force: true });
    }
  }
}
