/** Placement of pulled files in the user's folder. Names come from annotations, which an attacker may control. */

import { lstat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { parseEntryPath } from "../archive/entry-path.ts";
import { findRepository, isVersionControl } from "../archive/existing.ts";
import { type ExtractOptions, extractArchive } from "../archive/extract.ts";
import { formatByName, isArchive, sniffFile } from "../archive/format.ts";
import { defaultLimits } from "../archive/limits.ts";
import { quoted } from "../archive/refusal.ts";
import { refuseUnsupported } from "../archive/unsupported.ts";
import { ContentVerificationError, isErrno, LocalIoError, localIoError } from "../errors.ts";
import { calledAs, type OpenedFile } from "../files/opened-file.ts";
import type { Digest } from "../model/digest.ts";
import type { BlobIdentity, Origin, Target } from "../model/source.ts";
import { inParallel } from "../parallel.ts";
import { type Run, withSignal } from "../transfer/run.ts";
import { existingFile } from "./existing-file.ts";
import { type FetchedBlob, fetchBlob } from "./fetch.ts";
import type { NamedLayer } from "./layers.ts";
import { tellingReplaced } from "./replaced.ts";
import type { Services } from "./services.ts";

export interface PlacedLayers {
  readonly origin: Origin;
  /** Absolute paths of the files. */
  readonly placed: readonly string[];
}

/** Parses a title into the parts of a relative path that stays inside the folder on every system. */
function confinedPath(title: string): readonly string[] {
  try {
    const parts = parseEntryPath(title, defaultLimits);
    if (isVersionControl(parts)) throw new Error("the path is in a folder of version control, whose files may be run");
    if (parts.length > 0) return parts;
  } catch (cause) {
    throw unsafeTitle(title, cause);
  }
  throw unsafeTitle(title, undefined);
}

function unsafeTitle(title: string, cause: unknown): ContentVerificationError {
  return new ContentVerificationError("ARCHIVE_UNSAFE", `the artifact names a file ${quoted(title)}`, {
    cause,
    hint: "tell the publisher that a name must be a plain relative path; nothing was written",
  });
}

/** Refuses titles that make a folder a git repository, by themselves or with existing files. */
async function checkRepository(output: string, paths: readonly (readonly string[])[]): Promise<void> {
  const found = await findRepository(
    resolve(output),
    paths.map((path) => path.join("/")),
  );
  if (found === undefined) return;
  throw new ContentVerificationError(
    "ARCHIVE_UNSAFE",
    `the artifact names a file ${quoted(found)}, which makes a repository of its folder: git may run a repository's files`,
    { hint: "tell the publisher; the file was not written" },
  );
}

/** Refuses links below the output folder: a link's author may not be the user who named the folder. */
async function checkFolders(output: string, parts: readonly string[]): Promise<void> {
  let folder = output;
  for (const part of parts.slice(0, -1)) {
    folder = join(folder, part);
    try {
      if ((await lstat(folder)).isDirectory()) continue;
    } catch (cause) {
      if (isErrno(cause, "ENOENT")) return;
      throw localIoError(`look at ${folder}`, cause);
    }
    throw new LocalIoError("LOCAL_IO", `${folder} is not a folder`, {
      hint: "remove this path, or name another output folder",
    });
  }
}

/** A file of the store, and its name by the publisher. */
export interface TitledFile {
  readonly digest: Digest;
  readonly title: string;
}

/**
 * Places a file. An equal file of this user is left alone, and keeps its time.
 *
 * @param onReplaced Gets the title of a replaced file with other content.
 * @returns Absolute path of the placed file.
 */
export async function placeFile(
  { digest, size, title }: TitledFile & BlobIdentity,
  output: string,
  onReplaced: (path: string) => void,
  { store, context, signal }: Pick<Services, "store" | "context"> & Pick<Run, "signal">,
): Promise<string> {
  const parts = confinedPath(title);
  await checkRepository(output, [parts]);
  await checkFolders(output, parts);
  const path = resolve(output, ...parts);
  const existing = await existingFile(path, { digest, size }, context.userId, signal);
  if (existing === "placed") return path;
  await store.materialize(digest, path, {}, signal);
  if (existing === "other") onReplaced(parts.join("/"));
  return path;
}

type PlaceOptions = Omit<ExtractOptions, "limits">;

function nameOf({ title }: Pick<TitledFile, "title">, artifact: string): string {
  return `${quoted(title)} of ${artifact}`;
}

/** @returns Absolute paths of the unpacked files. */
async function placeArchive(archive: OpenedFile, output: string, options: PlaceOptions): Promise<readonly string[]> {
  const entries = await extractArchive(archive, output, options);
  return entries.filter((entry) => entry.kind === "file").map((entry) => resolve(output, entry.path));
}

/**
 * Unpacks a file if the file is an archive, and not a program in the form of an archive.
 *
 * @param file With the artifact that it belongs to, for messages.
 * @returns Absolute paths of the files; undefined for another file.
 */
export async function placeIfArchive(
  { digest, title, of }: TitledFile & { readonly of: string },
  output: string,
  options: PlaceOptions,
  { store, context }: Pick<Services, "context" | "store">,
): Promise<readonly string[] | undefined> {
  return await store.read(digest, options.signal, async (opened) => {
    const format = formatByName(await sniffFile(opened), title, undefined);
    const named = calledAs(opened, nameOf({ title }, of));
    if (isArchive(format)) return await placeArchive(named, output, { ...options, format, context });
    if (format === "raw") await refuseUnsupported(opened, title, "leave out --extract for the file as it is");
    return undefined;
  });
}

export interface LayersRequest {
  readonly source: Target;
  /** Manifest that lists the layers. */
  readonly manifest: Digest;
  readonly layers: readonly NamedLayer[];
  readonly output: string;
  /** True if `output` existed when the command began. */
  readonly isExisting: boolean;
  /** Also unpack files that are archives. */
  readonly extract: boolean;
}

/** Places several layers as `oras pull` does: files by their titles, folders unpacked. */
export async function placeLayers(
  { source, manifest, layers, output, isExisting, extract }: LayersRequest,
  services: Services,
  run: Run,
): Promise<PlacedLayers> {
  // All titles are checked before any fetch or write.
  const paths = layers.map((layer) => (layer.isRoot ? [] : confinedPath(layer.title)));
  await checkRepository(
    output,
    paths.filter((path) => path.length > 0),
  );
  const blobs = await inParallel(layers, run.signal, async (layer, either) => {
    const { digest, size } = layer.descriptor;
    const fetch = (): Promise<FetchedBlob> =>
      fetchBlob({ source, blob: { digest, size }, label: layer.title, manifest }, services, withSignal(run, either));
    return { layer, digest, ...(await services.limitOpen(fetch)) };
  });
  const origin = blobs.find((blob) => blob.origin !== "cache")?.origin ?? "cache";
  const placed: string[] = [];
  const partOf = isExisting ? output : undefined;
  await tellingReplaced(services.context.log, async (onReplaced) => {
    for (const [index, { layer, digest }] of blobs.entries()) {
      const path = paths[index] ?? [];
      const options = { partOf, onReplaced, context: services.context, signal: run.signal };
      if (layer.isFolder) {
        await checkFolders(output, [...path, ""]);
        // Even an archive without entries creates the folder.
        if (path.length > 0) await checkRepository(output, [path]);
        // `oras push` packs a folder under the folder's title.
        const stripPrefix = path.join("/");
        const inFolder = { ...options, stripPrefix, onReplaced: (one: string) => onReplaced([...path, one].join("/")) };
        const place = (opened: OpenedFile) =>
          placeArchive(calledAs(opened, nameOf(layer, source.name)), resolve(output, ...path), inFolder);
        placed.push(...(await services.store.read(digest, run.signal, place)));
        continue;
      }
      const unpacked = extract
        ? await placeIfArchive({ digest, title: layer.title, of: source.name }, output, options, services)
        : undefined;
      placed.push(
        ...(unpacked ?? [
          await placeFile({ ...layer.descriptor, title: layer.title }, output, onReplaced, {
            ...services,
            signal: run.signal,
          }),
        ]),
      );
    }
  });
  return { origin, placed };
}
