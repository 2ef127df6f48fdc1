/**
 * Temporary folders. The name states the creating process, so that a later process can remove the folders of killed
 * processes.
 *
 * Every user can write into the system's temporary folder and create any name there, also links. A folder is removed
 * only under these conditions: its name has this module's form, this user owns it, others cannot enter it, and no other
 * user could replace it.
 */
import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { asError, localIoError, type OrasClientError } from "../errors.ts";
import { HeldFolder } from "./held-folder.ts";
import { swappableBecause } from "./ownership.ts";
import { patiently } from "./patience.ts";

export type Purpose = "push" | "import" | "external" | "cache" | "trust-root";

const purposes: readonly Purpose[] = ["push", "import", "external", "cache", "trust-root"];

/** The name after its stem: machine, process ID, and a unique part (mkdtemp). */
const ownerPattern = /^-([0-9a-f]{12})-([0-9]{1,10})-[A-Za-z0-9]{6}$/;
/** Age limit for folders of another machine or an earlier boot, whose processes cannot be looked up. */
const foreignMaxAgeMs = 2 * 24 * 3600 * 1000;

const swept = new WeakSet<Context>();

function stemOf(purpose: Purpose): string {
  return `buck2-oras-${purpose}`;
}

/** Runs `work` with a new empty folder, removed afterwards. */
export async function withTemporaryFolder<T>(
  purpose: Purpose,
  context: Context,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const parent = tmpdir();
  const stems = swept.has(context) ? [] : purposes.map(stemOf);
  swept.add(context);
  const make = { parent, stem: stemOf(purpose), sweep: stems, context };
  return await withNewFolder(make, ({ name }) => work(join(parent, name)));
}

/** Another user replaced a staging folder by another folder or a link. */
export class FolderReplacedError extends Error {}

/** A new folder that is moved to its final name at the end. */
export interface StagingFolder {
  /** Path to the folder itself, even if its name is replaced. Valid in this process only. */
  readonly path: string;
  /** Renames the folder within its parent. @throws {FolderReplacedError} @throws Node's error */
  readonly moveTo: (name: string) => Promise<void>;
}

/**
 * Runs `work` with a new empty folder in `parent`, removed afterwards unless `work` moved it.
 *
 * @param stem Beginning of the folder's name.
 * @param context Undefined: folders of killed processes are not removed.
 */
export async function withStagingFolder<T>(
  parent: string,
  stem: string,
  context: Context | undefined,
  work: (staging: StagingFolder) => Promise<T>,
): Promise<T> {
  return await withNewFolder({ parent, stem, sweep: [stem], context }, async ({ held, name, folder }) => {
    const moveTo = async (newName: string): Promise<void> => {
      await held.move(name, held, newName);
      if (!folder.is(await held.look(newName)))
        throw new FolderReplacedError(`${join(parent, newName)} is not the folder that was created`);
    };
    try {
      return await work({ path: folder.heldPath, moveTo });
    } catch (error) {
      throw folder.named(error);
    }
  });
}

interface Make {
  readonly parent: string;
  /** Beginning of the folder's name. */
  readonly stem: string;
  /** Stems of abandoned folders to remove first. */
  readonly sweep: readonly string[];
  /** Undefined: nothing is removed, and the name states no process ID. */
  readonly context: Context | undefined;
}

interface NewFolder {
  /** The parent. */
  readonly held: HeldFolder;
  readonly name: string;
  readonly folder: HeldFolder;
}

async function withNewFolder<T>(
  { parent, stem, sweep, context }: Make,
  work: (made: NewFolder) => Promise<T>,
): Promise<T> {
  const held = await HeldFolder.open(parent, "follow").catch((cause: unknown) => {
    throw unmade(parent, cause);
  });
  if (held === undefined) throw unmade(parent, new Error(`${parent} does not exist, or is not a folder`));
  try {
    // Best effort: a failure must not end the work.
    if (context !== undefined) await removeAbandoned(held, sweep, context).catch(() => {});
    const prefix = context === undefined ? `${stem}-` : `${stem}-${await machineName()}-${context.processId}-`;
    const { name, folder } = await held.makeTemporary(prefix).catch((cause: unknown) => {
      throw unmade(parent, cause);
    });
    try {
      return await work({ held, name, folder });
    } finally {
      // The failure must not hide the end of the work; the next process removes the folder.
      const warn = (cause: unknown): void =>
        context?.log.warn(`could not remove ${join(parent, name)}: ${asError(cause).message}`);
      await patiently(() => removeMade(held, name, folder))
        .catch(warn)
        .finally(() => folder.close());
    }
  } finally {
    await held.close();
  }
}

function unmade(parent: string, cause: unknown): OrasClientError {
  return localIoError(`create a folder in ${parent}`, cause);
}

/** Removes the folder, unless `work` moved it away or another entry replaced it. */
async function removeMade(parent: HeldFolder, name: string, made: HeldFolder): Promise<void> {
  if (!made.is(await parent.look(name))) return;
  await made.removeContents();
  await parent.rmdir(name);
}

let machine: Promise<string> | undefined;

/** A hash of host name, boot and PID namespace: equal hashes mean comparable process IDs. */
async function machineName(): Promise<string> {
  machine ??= readMachineName();
  return await machine;
}

async function readMachineName(): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  return createHash("sha256").update(`${hostname()}\n${boot}\n${namespace}`).digest("hex").slice(0, 12);
}

async function removeAbandoned(parent: HeldFolder, stems: readonly string[], context: Context): Promise<void> {
  if (stems.length === 0 || !isSafe(parent, context)) return;
  const here = await machineName();
  for (const name of await parent.names()) {
    const stem = stems.find((one) => name.startsWith(one));
    const [, where, processId] = (stem !== undefined && ownerPattern.exec(name.slice(stem.length))) || [];
    if (where === undefined || (where === here && context.isRunning(Number(processId)))) continue;
    await removeIfOwn(parent, name, where === here, context);
  }
}

async function removeIfOwn(parent: HeldFolder, name: string, isHere: boolean, context: Context): Promise<void> {
  const folder = await parent.child(name).catch(() => undefined);
  if (folder === undefined) return;
  try {
    const { uid, mode, mtimeMs } = folder.stats;
    if (context.userId !== undefined && (uid !== context.userId || (mode & 0o077) !== 0)) return;
    if (!isHere && context.now() - mtimeMs < foreignMaxAgeMs) return;
    await folder.removeContents();
    await parent.rmdir(name);
    context.log.debug(`removed ${join(parent.path, name)}, left by a killed process`);
  } catch {
    // The next process tries again.
  } finally {
    await folder.close();
  }
}

/** False if another user could rename one of this user's folders to a name of this module's form. */
function isSafe({ path, stats }: HeldFolder, { userId }: Context): boolean {
  return userId === undefined || swappableBecause(path, stats, userId) === undefined;
}
