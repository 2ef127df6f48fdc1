/** Archives of npm packages: fetched, verified and unpacked. */
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { extractArchive } from "../archive/extract.ts";
import { ContentVerificationError } from "../errors.ts";
import { readRegularFile } from "../files/regular-file.ts";
import { type Npm, npm, pack } from "./npm-client.ts";
import { statedSum } from "./npm-integrity.ts";
import { type NpmPackage, packageSchema } from "./npm-package.ts";
import type { NpmSpec } from "./npm-spec.ts";
import { sumMissing } from "./run.ts";

/** Real manifests have a few KB. */
const maxManifestBytes = 1024 * 1024;

/** Fetches a package's archive. @returns Its path in `dir`; undefined for an archive that the registry does not have. */
export async function fetchArchive(
  client: Npm,
  { name, version, dist }: NpmPackage,
  dir: string,
  signal: AbortSignal,
): Promise<string | undefined> {
  const sum = statedSum(dist.integrity ?? undefined, dist.shasum ?? undefined);
  if (sum === undefined) throw sumMissing(npm, `${name}@${version}`);
  return await pack(client, { name, version, sum, dir }, signal);
}

/** Unpacks an archive below `dir`. @returns The archive's root folder; npm ignores its name. */
export async function unpackRoot(archive: string, part: NpmSpec, dir: string, signal: AbortSignal): Promise<string> {
  const unpacked = join(dir, "unpacked");
  await extractArchive(archive, unpacked, { signal });
  const [root, ...others] = await readdir(unpacked);
  if (root !== undefined && others.length === 0) return join(unpacked, root);
  const message = `the archive of ${part.name}@${part.version} does not have one root folder`;
  throw new ContentVerificationError("IMPORT_CONTENT_INVALID", message, {
    hint: "ask the package's publisher: npm's own archives have one root folder",
  });
}

/**
 * Reads the package's own `package.json`: some registries state neither optional packages nor platforms.
 *
 * @returns undefined for an archive that the registry does not have, or without `package.json`.
 */
export async function readManifest(
  client: Npm,
  main: NpmPackage,
  dir: string,
  signal: AbortSignal,
): Promise<NpmPackage | undefined> {
  const archive = await fetchArchive(client, main, join(dir, "packed"), signal);
  if (archive === undefined) return undefined;
  const path = await unpackRoot(archive, main, dir, signal);
  const file = await readRegularFile(join(path, "package.json"), maxManifestBytes).catch(() => undefined);
  if (file === undefined) return undefined;
  try {
    const { name, version, dist } = main;
    const stated = v.parse(v.record(v.string(), v.unknown()), JSON.parse(file.bytes.toString("utf8")));
    const manifest = v.parse(packageSchema, { ...main, ...stated, name, version, dist });
    return { ...manifest, sourceUrl: manifest.sourceUrl ?? main.sourceUrl };
  } catch {
    return undefined;
  }
}
