/**
 * Importer for `npm:NAME@VERSION`: programs with one optional package per platform, such as buf and esbuild, or such a
 * package itself.
 */
import { mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { ContentVerificationError } from "../errors.ts";
import type { PlatformString } from "../model/platform.ts";
import { inParallel, limitTo } from "../parallel.ts";
import { packageAbsent, versionAbsent } from "./absent.ts";
import { fetchArchive, readManifest, unpackRoot } from "./npm-archive.ts";
import { type Npm, openNpm, view } from "./npm-client.ts";
import {
  type NpmPackage,
  needsMusl,
  packageFields,
  packageSchema,
  platformsOf,
  statesPlatform,
  toolNameOf,
  versionsSchema,
} from "./npm-package.ts";
import {
  isNpmVersion,
  type NpmDependency,
  type NpmSpec,
  parseNpmDependency,
  parseNpmSpec,
  pickVersion,
} from "./npm-spec.ts";
import { namesOf, npmVouchers } from "./npm-vouchers.ts";
import { findPrograms, type Programs, warnOfMisfit } from "./programs.ts";
import { provenanceOf } from "./provenance.ts";
import { specInvalid } from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";
import { measured, type Vouchers } from "./vouchers.ts";

/** Limit of optional packages, since each costs a request; the largest real packages have about thirty. */
const maxDependencies = 100;
/** Requests for metadata at the same time; each is a process of npm. */
const maxRequests = 4;
/** Archives at the same time: npm checks one while the other is unpacked. */
const maxArchives = 2;

/** Parses the optional packages: their publisher could name a folder of the user, or a repository with scripts. */
function partsOf(spec: string, optionalDependencies: Readonly<Record<string, string>>): NpmDependency[] {
  const entries = Object.entries(optionalDependencies);
  if (entries.length > maxDependencies) {
    throw new ContentVerificationError("IMPORT_CONTENT_INVALID", `${spec} has ${entries.length} optional packages`, {
      hint: `import another package, with ${maxDependencies} optional packages at most`,
    });
  }
  return entries.map(([name, wanted]) => {
    const part = parseNpmDependency(name, wanted);
    if (part !== undefined) return part;
    const named = `${JSON.stringify(name)}: ${JSON.stringify(wanted)}`;
    throw new ContentVerificationError(
      "IMPORT_CONTENT_INVALID",
      `${spec} names an optional package that is not a version in the registry: ${named}`,
      { hint: "inspect the package before use; the optional package was not requested" },
    );
  });
}

/** Metadata of an optional package. @returns undefined for a package or version that the registry does not have. */
async function viewPart(client: Npm, { name, wanted }: NpmDependency): Promise<NpmPackage | undefined> {
  let version: string | undefined = wanted;
  if (!isNpmVersion(wanted)) {
    const stated = await view(client, versionsSchema, name, ["versions", "dist-tags"]);
    if (stated === undefined) return undefined;
    version = pickVersion(wanted, { versions: stated.versions, tags: stated["dist-tags"] });
  }
  if (version === undefined) return undefined;
  const found = await view(client, packageSchema, `${name}@${version}`, packageFields);
  if (found !== undefined) checkIdentity({ name, version }, found);
  return found;
}

/**
 * Checks that the registry answers for the requested package. The answer is read once: npm asks again for the fetch,
 * and might get another answer.
 *
 * @throws {ContentVerificationError} for an archive without an HTTP URL, and for another package than the requested one
 */
function checkIdentity(spec: NpmSpec, { name, version, dist }: NpmPackage): void {
  const [wanted] = spec.version.split("+", 1);
  if (name === spec.name && version.split("+", 1)[0] === wanted && /^https?:\/\//i.test(dist.tarball)) return;
  throw new ContentVerificationError(
    "IMPORT_CONTENT_INVALID",
    `the registry does not state the archive of ${spec.name}@${spec.version}`,
    {
      cause: new Error(`the registry states ${JSON.stringify({ name, version, tarball: dist.tarball })}`),
      hint: "ask the registry's operator; nothing was fetched",
    },
  );
}

/** Metadata of the packages for the platforms: the optional packages, or else the package itself. */
async function viewParts(
  client: Npm,
  text: string,
  main: NpmPackage,
  signal: AbortSignal,
): Promise<{ readonly parts: readonly NpmPackage[]; readonly gone: string[] }> {
  const wanted = partsOf(text, main.optionalDependencies);
  if (wanted.length === 0) return { parts: [main], gone: [] };
  const limit = limitTo(maxRequests);
  // After a failure, the others end as well: npm tries for over a minute where no network is.
  const viewed = await inParallel(wanted, signal, (part, end) => limit.run(() => viewPart(client.until(end), part)));
  const gone = wanted.filter((_, index) => viewed[index] === undefined);
  return {
    parts: viewed.filter((part) => part !== undefined),
    gone: gone.map((part) => `${part.name}@${part.wanted}`),
  };
}

/** The packages for each platform. Static programs and programs for glibc come before programs for musl. */
function chooseParts(
  parts: readonly NpmPackage[],
  wanted: readonly PlatformString[],
): ReadonlyMap<PlatformString, NpmPackage> {
  const chosen = new Map<PlatformString, NpmPackage>();
  const stated = parts.filter((part) => statesPlatform(part) && !needsMusl(part));
  for (const part of stated) {
    for (const platform of platformsOf(part, wanted)) if (!chosen.has(platform)) chosen.set(platform, part);
  }
  return chosen;
}

interface FetchedPart {
  /** The unpacked folder. */
  readonly root: string;
  readonly provenance: string;
  readonly vouchers: Vouchers;
}

interface NpmDesk {
  readonly client: Npm;
  readonly services: ImporterServices;
}

/** Fetches and unpacks a package. @returns undefined for an archive that the registry does not have. */
async function fetchPart(
  { client, services }: NpmDesk,
  part: NpmPackage,
  dir: string,
  signal: AbortSignal,
): Promise<FetchedPart | undefined> {
  const { name, version } = part;
  const archive = await fetchArchive(client, part, join(dir, "packed"), signal);
  if (archive === undefined) return undefined;
  const root = await unpackRoot(archive, part, dir, signal);
  await rm(join(root, "package.json"), { force: true });
  const purl = `pkg:npm/${name.replace("@", "%40")}@${version}`;
  const file = await measured(archive, namesOf(part), signal);
  return { root, provenance: provenanceOf(purl, file), vouchers: await npmVouchers(part, file, services, signal) };
}

/** The folder for a package, by the first platform that it serves. */
type PartFolders = ReadonlyMap<NpmPackage, string>;

/** Fetches and unpacks all packages. @returns Without the archives that the registry does not have. */
async function fetchParts(
  { client, services }: NpmDesk,
  folders: PartFolders,
  signal: AbortSignal,
): Promise<ReadonlyMap<NpmPackage, FetchedPart>> {
  const limit = limitTo(maxArchives);
  const fetched = await inParallel([...folders], signal, ([part, dir], end) =>
    limit.run(async () => [part, await fetchPart({ client: client.until(end), services }, part, dir, end)] as const),
  );
  return new Map(fetched.flatMap(([part, found]) => (found === undefined ? [] : [[part, found] as const])));
}

/** The name of a package's folder: a package for one platform is seldom named like its program. */
function titleIn({ found }: Programs, name: string): string {
  const [first = name] = found;
  const only = found.length === 1 ? basename(first).replace(/\.exe$/i, "") : name;
  return only.split("/").at(-1) ?? only;
}

function noProgram(exact: string, others: readonly string[]): ContentVerificationError {
  const [only] = others;
  const instead =
    only === undefined
      ? ""
      : `: ${JSON.stringify(only)} is a library, a script for an interpreter, or for another platform`;
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", `${exact} contains no native program${instead}`, {
    hint: "run this package with Node, or import a native build from its publisher: `import https://… --digest sha256:…`",
  });
}

/** The error for a package that is the same for every platform. */
function notNative(spec: string, { bin, scripts }: NpmPackage): ContentVerificationError {
  const installs = ["preinstall", "install", "postinstall"].some((name) => scripts[name] !== undefined);
  const hasBin = bin !== undefined && bin !== null;
  const why = hasBin ? "its programs are the same for every platform, and need Node" : "it is a library, without `bin`";
  const message = `${spec} contains no native program: ${why}`;
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", message, {
    hint: installs
      ? "import the file that the package's install script fetches: `import https://… --digest sha256:…`; no script was run"
      : "import a package with one optional package per platform, such as npm:esbuild@VERSION",
  });
}

/** The error for a text that names no version. */
function withoutVersion(text: string): Error {
  const name = /^(@?[^@]+)(?:@.*)?$/.exec(text)?.[1] ?? "NAME";
  const [pinned, number = ""] = text.split("==");
  const exact = parseNpmSpec(`${pinned}@${number}`);
  if (exact !== undefined) return specInvalid(`npm:${text}`, `write npm:${exact.name}@${exact.version}`);
  const { name: known } = parseNpmSpec(`${name}@0.0.0`) ?? { name: "NAME" };
  const look = known === "NAME" ? "" : `; \`npm view ${known} version\` prints the newest`;
  return specInvalid(`npm:${text}`, `write npm:${known}@VERSION, with the exact version${look}`);
}

/** Imports an npm package. npm verifies the registry's checksums; the stated checksum is also verified here. */
export const importNpm: Importer = async ({ spec: text, platforms }, services, signal) => {
  const spec = parseNpmSpec(text);
  if (spec === undefined) throw withoutVersion(text);
  const client = await openNpm(services, signal);
  const stated = await view(client, packageSchema, text, packageFields);
  if (stated === undefined) {
    const known = await view(client, versionsSchema, spec.name, ["versions", "dist-tags"]);
    const source = `npm:${spec.name}`;
    const look = "check the name; a private package may need a login of npm";
    if (known === undefined) throw packageAbsent(source, look);
    throw versionAbsent({ source, version: spec.version, known: known.versions.toReversed() }, look);
  }
  checkIdentity(spec, stated);
  const isBare = Object.keys(stated.optionalDependencies).length === 0 && !statesPlatform(stated);
  const manifestDir = join(services.workDir, "npm", "main");
  const main = (isBare ? await readManifest(client, stated, manifestDir, signal) : undefined) ?? stated;
  const { parts, gone } = await viewParts(client, text, main, signal);
  const chosen = chooseParts(parts, platforms);
  const files: ImportedFile[] = [];
  let unfit: Error | undefined;
  const folders = new Map<NpmPackage, string>();
  for (const [platform, part] of chosen) {
    if (!folders.has(part)) folders.set(part, join(services.workDir, "npm", platform));
  }
  const fetched = await fetchParts({ client, services }, folders, signal);
  const placed = new Map<NpmPackage, string>();
  for (const [platform, part] of chosen) {
    const exact = `${part.name}@${part.version}`;
    const dir = join(services.workDir, "npm", platform);
    const unpacked = fetched.get(part);
    if (unpacked === undefined) {
      gone.push(exact);
      continue;
    }
    // A package may state more platforms than its programs are for.
    const programs = await findPrograms(placed.get(part) ?? unpacked.root, platform);
    const isPublished = programs.found.length > 0;
    if (programs.misfit !== undefined) warnOfMisfit(exact, programs.misfit, { isPublished }, services.context.log);
    if (!isPublished) {
      if (programs.misfit === undefined) throw noProgram(exact, programs.others);
      unfit ??= noProgram(exact, programs.others);
      continue;
    }
    const path = placed.get(part) ?? join(dir, "tool", part === main ? titleIn(programs, part.name) : toolNameOf(main));
    if (!placed.has(part)) {
      await mkdir(join(dir, "tool"));
      await rename(unpacked.root, path);
      placed.set(part, path);
    }
    const { provenance, vouchers } = unpacked;
    files.push({ platform, path, provenance, vouchers });
  }
  if (files.length === 0 && unfit !== undefined) throw unfit;
  const missing = platforms.filter((platform) => !files.some((file) => file.platform === platform));
  if (missing.length > 0 && gone.length > 0) {
    services.context.log.warn(`npm: the registry does not have ${gone.join(", ")}, of ${text}`);
  }
  if (files.length === 0 && gone.length === 0) {
    if (!parts.some(statesPlatform)) throw notNative(text, main);
  }
  return { version: spec.version, license: main.license, sourceUrl: main.sourceUrl, files, missing };
};
