/**
 * Importer for `maven:GROUP:ARTIFACT:VERSION[:TYPE[:CLASSIFIER]]`: executables with a classifier per platform, such as
 * protoc, and jars that hold a program.
 */
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { extractArchive } from "../archive/extract.ts";
import { isArchive, sniffFile } from "../archive/format.ts";
import { ArtifactNotFoundError, ContentVerificationError, UsageError } from "../errors.ts";
import type { PlatformString } from "../model/platform.ts";
import { versionAbsent } from "./absent.ts";
import { coordinate } from "./maven-coordinate.ts";
import { isProgramJar, noProgramJar } from "./maven-jar.ts";
import { namedVariables } from "./named-variables.ts";
import type { Pom } from "./pom.ts";
import { type Misfit, misfitIn, warnOfMisfit } from "./programs.ts";
import { provenanceOf } from "./provenance.ts";
import { type ClientProgram, type ClientRun, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportedFile, ImportedTool, Importer, ImporterServices } from "./source.ts";
import { measured, nothingSaid } from "./vouchers.ts";

export const mvn: ClientProgram = {
  name: "mvn",
  howToGet: "install Apache Maven (Debian: `apt install maven`) and put it on the PATH",
  // Choice and options of Java and Maven. Left out: `MAVEN_BASEDIR` and `MAVEN_CONFIG`, which name a project.
  variables: [
    "JAVA_HOME",
    "JAVACMD",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "MAVEN_HOME",
    "M2_HOME",
    "MAVEN_OPTS",
    "MAVEN_ARGS",
    "MAVEN_SKIP_RC",
  ],
};

/** Platform names of os-maven-plugin, the usual classifiers of native programs. */
const classifiers: Readonly<Record<PlatformString, string>> = {
  "linux-x86_64": "linux-x86_64",
  "linux-aarch64": "linux-aarch_64",
  "darwin-x86_64": "osx-x86_64",
  "darwin-arm64": "osx-aarch_64",
  "windows-x86_64": "windows-x86_64",
  "windows-arm64": "windows-aarch_64",
};

const specPattern = new RegExp(
  `^(${coordinate}):(${coordinate}):(${coordinate})(?::(${coordinate}))?(?::(${coordinate}))?$`,
);
const absent = /Could not find artifact|was not found in/i;

interface Coordinates {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
  readonly type: string;
}

const withoutVersionPattern = new RegExp(`^(${coordinate}):(${coordinate}):?$`);

/** The error for a text that is no coordinate: most often, only the version is missing. */
function withoutVersion(spec: string): Error {
  const [, group = "GROUP", artifact = "ARTIFACT"] = withoutVersionPattern.exec(spec) ?? [];
  return specInvalid(`maven:${spec}`, `write maven:${group}:${artifact}:VERSION:exe, with the exact version`);
}

/** Imports a Maven artifact. Maven verifies the repository's checksums, and fails on a mismatch. */
export const importMaven: Importer = async ({ spec, platforms, named }, services, signal) => {
  const [, group = "", artifact = "", version = "", type = "exe", classifier] = specPattern.exec(spec) ?? [];
  if (group === "") throw withoutVersion(spec);
  const client = await openMaven(services, signal);
  const wanted = { group, artifact, version, type };
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  let unfit: Error | undefined;
  for (const { platform, suffix } of partsOf({ type, classifier }, platforms, named)) {
    const dir = join(services.workDir, "maven", platform ?? "all");
    const file = await fetchFile(client, { wanted, suffix, platform, dir }, signal);
    const misfit = file?.platform === undefined ? undefined : await misfitIn(file.path, file.platform);
    if (misfit !== undefined) {
      const isPublished = misfit.isRunnable;
      const classified =
        suffix === undefined ? `maven:${spec}` : `maven:${group}:${artifact}:${version}:${type}:${suffix}`;
      warnOfMisfit(classified, misfit, { isPublished }, services.context.log);
      if (!isPublished) unfit ??= noFittingProgram(classified, misfit);
    }
    if (file === undefined && missing.length === 0 && files.length === 0) {
      await checkVersion(client, { group, artifact, version }, services.workDir);
    }
    if (file !== undefined && misfit?.isRunnable !== false) files.push(file);
    else if (platform !== undefined) missing.push(platform);
    else throw absentFile(spec);
  }
  if (files.length === 0 && unfit !== undefined) throw unfit;
  const stated = files.length === 0 ? undefined : await describe(client, `${group}:${artifact}:${version}`, services);
  return { version, license: stated?.license, sourceUrl: stated?.sourceUrl, files, missing };
};

/**
 * Asks for the POM, which every version has: a wrong version takes seconds for each platform otherwise.
 *
 * @throws {ArtifactNotFoundError}
 */
async function checkVersion(
  client: Maven,
  { group, artifact, version }: Pick<Coordinates, "group" | "artifact" | "version">,
  workDir: string,
): Promise<void> {
  const pom = await copyArtifact(client, `${group}:${artifact}:${version}:pom`, join(workDir, "maven", "pom"));
  if (pom !== undefined) return;
  const hint = "check group, artifact and version; a private repository belongs into Maven's settings.xml";
  throw versionAbsent({ source: `maven:${group}:${artifact}`, version, known: [] }, hint);
}

interface Part {
  /** Undefined: for all platforms. */
  readonly platform: PlatformString | undefined;
  /** Undefined: the artifact without a classifier. */
  readonly suffix: string | undefined;
}

/** The files to ask for: one for each platform; or one file, for a jar and for a classifier of the caller. */
function partsOf(
  { type, classifier }: { readonly type: string; readonly classifier: string | undefined },
  platforms: readonly PlatformString[],
  named: readonly PlatformString[],
): readonly Part[] {
  if (type !== "jar" && classifier === undefined) {
    return platforms.map((platform) => ({ platform, suffix: classifiers[platform] }));
  }
  if (named.length > 1) {
    throw new UsageError("USAGE_INVALID", `one file is for one platform or for all, not for ${named.join(", ")}`, {
      hint: "leave out the classifier, or name one --platform",
    });
  }
  const stated = platforms.find((platform) => classifiers[platform] === classifier);
  return [{ platform: named[0] ?? stated, suffix: classifier }];
}

function absentFile(spec: string): Error {
  return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `maven:${spec} was not found`, {
    hint: "check group, artifact, version, type and classifier; a private repository belongs into Maven's settings.xml",
  });
}

function noFittingProgram(coordinates: string, { text }: Misfit): ContentVerificationError {
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", `${coordinates}: ${text}`, {
    hint: "ask the publisher for a file of that platform, or try another version",
  });
}

interface FileRequest extends Part {
  readonly wanted: Coordinates;
  /** A folder for this file alone. */
  readonly dir: string;
}

/** Fetches a file, and unpacks an archive. @returns undefined for a file that the repository does not have. */
async function fetchFile(
  client: Maven,
  { wanted: { group, artifact, version, type }, suffix, platform, dir }: FileRequest,
  signal: AbortSignal,
): Promise<ImportedFile | undefined> {
  const classifier = suffix === undefined ? "" : `:${suffix}`;
  const coordinates = `${group}:${artifact}:${version}:${type}${classifier}`;
  const copied = await copyArtifact(client, coordinates, join(dir, "copied"));
  if (copied === undefined) return undefined;
  const qualifiers = suffix === undefined ? `type=${type}` : `type=${type}&classifier=${suffix}`;
  const purl = `pkg:maven/${group}/${artifact}@${version}?${qualifiers}`;
  const measure = await measured(copied, [], signal);
  const provenance = provenanceOf(purl, measure);
  // `--strict-checksums` refuses a file of a repository without a checksum.
  const checked = { level: "checksum", by: "checksum of the repository, compared by Maven" } as const;
  const vouchers = { ...nothingSaid, file: measure, checked };
  const format = await sniffFile(copied);
  if (format === "zip" && type === "jar") {
    const needsOthers =
      suffix === undefined && (await readPom(client, `${group}:${artifact}:${version}`, dir))?.needsJars;
    if (needsOthers === true || !(await isProgramJar(copied, join(dir, "manifest"), signal))) {
      throw noProgramJar(coordinates);
    }
    const path = join(dir, `${artifact}.jar`);
    await rename(copied, path);
    return { platform, path, provenance, vouchers };
  }
  if (isArchive(format)) {
    const path = join(dir, "unpacked", artifact);
    await extractArchive(copied, path, { signal });
    return { platform, path, provenance, vouchers };
  }
  const isWindows = platform?.startsWith("windows") ?? false;
  const path = join(dir, isWindows ? `${artifact}.exe` : artifact);
  await rename(copied, path);
  return { platform, path, provenance, vouchers };
}

/** Limit of followed parents; no tool's project has more. */
const maxAncestors = 5;

/** @param dir A folder for this POM's copy. @returns undefined for a missing or invalid POM. */
async function readPom(client: Maven, coordinates: string, dir: string): Promise<Pom | undefined> {
  const path = await copyArtifact(client, `${coordinates}:pom`, join(dir, "pom"));
  if (path === undefined) return undefined;
  // Loaded on demand: only Maven imports need the XML parser.
  const { parsePom } = await import("./pom.ts");
  return parsePom(await readFile(path, "utf8"));
}

/** Licence and source URL, from the POM or from its parents. */
async function describe(
  client: Maven,
  coordinates: string,
  services: ImporterServices,
): Promise<Pick<ImportedTool, "license" | "sourceUrl">> {
  let license: string | undefined;
  let sourceUrl: string | undefined;
  let next: string | undefined = coordinates;
  for (let depth = 0; next !== undefined && depth <= maxAncestors; depth += 1) {
    const pom = await readPom(client, next, join(services.workDir, "maven", `parent-${depth}`));
    license ??= pom?.license;
    sourceUrl ??= pom?.sourceUrl;
    next = license === undefined || sourceUrl === undefined ? pom?.parent : undefined;
  }
  return { license, sourceUrl };
}

/** Calls Maven. */
type Maven = (args: readonly string[]) => Promise<ClientRun>;

async function openMaven(services: ImporterServices, signal: AbortSignal): Promise<Maven> {
  const { env, homeDir } = services.context;
  const homes = [env.MAVEN_HOME, env.M2_HOME].filter((home) => home !== undefined);
  const settings = [join(homeDir, ".m2"), ...homes.map((home) => join(home, "conf"))];
  const named = await namedVariables(
    settings.map((folder) => join(folder, "settings.xml")),
    /\$\{env\.(\w+)\}/g,
  );
  const program = { ...mvn, variables: [...mvn.variables, ...named] };
  return (args) => runClient(program, { args, env: {}, what: `Maven: ${whatOf(args)}` }, services, signal);
}

/** The coordinate among the arguments of a call. */
function whatOf(args: readonly string[]): string {
  return args.find((one) => one.startsWith("-Dartifact="))?.slice("-Dartifact=".length) ?? "settings";
}

/** Copies an artifact into `dir`. @returns Path of the file; undefined for an artifact missing in the repository. */
async function copyArtifact(call: Maven, coordinates: string, dir: string): Promise<string | undefined> {
  await mkdir(dir, { recursive: true });
  const ran = await call([
    "-q",
    "-B",
    "--strict-checksums",
    "dependency:copy",
    `-Dartifact=${coordinates}`,
    `-DoutputDirectory=${dir}`,
  ]);
  if (ran.exitCode !== 0) {
    if (absent.test(ran.output)) return undefined;
    throw importFailed(mvn, coordinates, ran);
  }
  const [name] = await readdir(dir);
  if (name === undefined) throw importFailed(mvn, coordinates, ran);
  return join(dir, name);
}
