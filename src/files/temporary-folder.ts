/**
 * Folders for work in progress. Each is named for the process that made it, so that the next one can remove what a killed process left.
 *
 * The system's folder for such things is everybody's: a stranger may put any name there, links among them. Only a folder is removed that
 * this user owns and nobody else can enter, by a name that is made here alone, and only where nobody else could put another in its place.
 */
import { createHash } from "node:crypto";
import { lstat, mkdtemp, readdir, readFile, readlink, rm, stat } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import type { Context } from "../context.ts";
import { localIoError } from "../errors.ts";

export type Purpose = "push" | "import" | "external" | "cache";

const purposes: readonly Purpose[] = ["push", "import", "external", "cache"];

/** What follows the stem of a name: machine, process, and what makes it unique (mkdtemp). */
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
  if (!swept.has(context)) {
    swept.add(context);
    await sweep(parent, purposes.map(stemOf), context);
  }
  return await withNewFolder(parent, stemOf(purpose), context, work);
}

/** {@link withTemporaryFolder} in a folder of the caller's choice, for what is moved from there. @param stem Begins its name. */
export async function withFolderIn<T>(
  parent: string,
  stem: string,
  context: Context,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  await sweep(parent, [stem], context);
  return await withNewFolder(parent, stem, context, work);
}

async function withNewFolder<T>(
  parent: string,
  stem: string,
  context: Context,
  work: (folder: string) => Promise<T>,
): Promise<T> {
  const prefix = join(parent, `${stem}-${await machineName()}-${context.processId}-`);
  const folder = await mkdtemp(prefix).catch((cause: unknown) => {
    throw localIoError(`make a folder in ${parent}`, cause);
  });
  try {
    return await work(folder);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** Equal where process numbers mean the same: host, start of the machine, container. Nothing can be read back from it. */
async function machineName(): Promise<string> {
  const boot = await readFile("/proc/sys/kernel/random/boot_id", "utf8").catch(() => "");
  const namespace = await readlink("/proc/self/ns/pid").catch(() => "");
  return createHash("sha256").update(`${hostname()}\n${boot}\n${namespace}`).digest("hex").slice(0, 12);
}

/** It is a courtesy: whatever goes wrong with it is nobody's concern. */
async function sweep(parent: string, stems: readonly string[], context: Context): Promise<void> {
  await removeAbandoned(parent, stems, context).catch(() => {});
}

async function removeAbandoned(parent: string, stems: readonly string[], context: Context): Promise<void> {
  const machine = await machineName();
  const owned = (await readdir(parent)).flatMap((name) => {
    const stem = stems.find((one) => name.startsWith(one));
    const [, where, processId] = (stem !== undefined && ownerPattern.exec(name.slice(stem.length))) || [];
    return where === undefined ? [] : [{ name, isHere: where === machine, processId: Number(processId) }];
  });
  const abandoned = owned.filter(({ isHere, processId }) => !(isHere && context.isRunning(processId)));
  if (abandoned.length === 0 || !(await isSafe(parent, context))) return;
  for (const { name, isHere } of abandoned) {
    const path = join(parent, name);
    const found = await lstat(path).catch(() => undefined);
    if (found === undefined || !found.isDirectory()) continue;
    if (context.userId !== undefined && (found.uid !== context.userId || (found.mode & 0o077) !== 0)) continue;
    if (!isHere && context.now() - found.mtimeMs < foreignMaxAgeMs) continue;
    await rm(path, { recursive: true, force: true }).then(
      () => context.log.debug(`removed ${path}, which a process left that was killed`),
      () => {},
    );
  }
}

/** False where another user could rename what is ours and put a link in its place. */
async function isSafe(parent: string, { userId }: Context): Promise<boolean> {
  if (userId === undefined) return true;
  const { uid, mode } = await stat(parent);
  return (uid === 0 || uid === userId) && ((mode & 0o022) === 0 || (mode & 0o1000) !== 0);
}
