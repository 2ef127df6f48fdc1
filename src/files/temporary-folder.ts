/**
 * Folders for work in progress. Each is named for the process that made it, so that the next one can remove what a killed process left.
 *
 * The system's folder for such things is everybody's: a stranger may put any name there, links among them. Only a folder is removed that
 * this user owns and nobody else can enter, by a name that is made here alone, and only where nobody else could put another in its place.
 */
import { createHash } from "node:crypto";
import { readFile, readlink } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { localIoError, type OrasClientError } from "../errors.ts";
import { HeldFolder } from "./held-folder.ts";
import { swappableBecause } from "./ownership.ts";

export type Purpose = "push" | "import" | "external" | "cache";

const purposes: readonly Purpose[] = ["push", "import", "external", "cache"];

/** The end of a name, after its stem: machine, process, and a unique part (mkdtemp). */
const ownerPattern = /^-([0-9a-f]{12})-([0-9]{1,10})-[A-Za-z0-9]{6}$/;
/** Processes of another machine, or before the last start of this one, cannot be asked for. */
const foreignMaxAgeMs = 2 * 24 * 3600 * 1000;

const swept = new WeakSet<Context>();

function stemOf(purpose: Purpose): string {
  return `buck2-oras-${purpose}`;
}

/** Runs `work` with a new empty folder, which is removed when it ends. */
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

/** Somebody put another folder, or a link, in the place of one that was made here. */
export class FolderReplacedError extends Error {}

/** A new folder whose content goes somewhere else in the end. */
export interface StagingFolder {
  /** For this process alone: it leads to the folder itself, whoever puts another one in its place. */
  readonly path: string;
  /** Gives the folder this name, beside where it was made. @throws Node's error; {FolderReplacedError} */
  readonly moveTo: (name: string) => Promise<void>;
}

/**
 * Runs `work` with a new empty folder in `parent`, which is removed when it ends.
 *
 * @param stem Begins its name.
 * @param context With it, folders of killed processes are removed.
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
        throw new FolderReplacedError(`${join(parent, newName)} is not what was made`);
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
  /** Begins the folder's name. */
  readonly stem: string;
  /** Stems of the folders of killed processes that are removed first. */
  readonly sweep: readonly string[];
  /** Undefined: nothing is removed, and no process is in the name. */
  readonly context: Context | undefined;
}

interface NewFolder {
  /** The folder that it was made in. */
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
  if (held === undefined) throw unmade(parent, new Error(`${parent} is not there, or is no folder`));
  try {
    // It is a courtesy: whatever goes wrong with it is nobody's concern.
    if (context !== undefined) await removeAbandoned(held, sweep, context).catch(() => {});
    const prefix = context === undefined ? `${stem}-` : `${stem}-${await machineName()}-${context.processId}-`;
    const { name, folder } = await held.makeTemporary(prefix).catch((cause: unknown) => {
      throw unmade(parent, cause);
    });
    try {
      return await work({ held, name, folder });
    } finally {
      await removeMade(held, name, folder).finally(() => folder.close());
    }
  } finally {
    await held.close();
  }
}

function unmade(parent: string, cause: unknown): OrasClientError {
  return localIoError(`make a folder in ${parent}`, cause);
}

/** A folder that `work` moved away is not removed, and neither is another one that somebody put in its place. */
async function removeMade(parent: HeldFolder, name: string, made: HeldFolder): Promise<void> {
  if (!made.is(await parent.look(name))) return;
  await made.removeContents();
  await parent.rmdir(name);
}

let machine: Promise<string> | undefined;

/** Equal where process numbers mean the same: host, start of the machine, container. Nothing can be read back from it. */
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
    context.log.debug(`removed ${join(parent.path, name)}, which a process left that was killed`);
  } catch {
    // The next process tries again.
  } finally {
    await folder.close();
  }
}

/** False where another user could give a folder of this user's a name of ours. */
function isSafe({ path, stats }: HeldFolder, { userId }: Context): boolean {
  return userId === undefined || swappableBecause(path, stats, userId) === undefined;
}
