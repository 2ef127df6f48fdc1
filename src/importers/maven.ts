/** Importer for `maven:GROUP:ARTIFACT:VERSION[:TYPE]`: executables with a classifier per platform, such as protoc. */
import { mkdir, readdir, readFile, rename } from "node:fs/promises";
import { join } from "node:path";
import type { PlatformString } from "../model/platform.ts";
import { coordinate } from "./maven-coordinate.ts";
import { namedVariables } from "./named-variables.ts";
import { fileProvenance } from "./provenance.ts";
import { type ClientProgram, type ClientRun, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportedFile, ImportedTool, Importer, ImporterServices } from "./source.ts";

const mvn: ClientProgram = {
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

const specPattern = new RegExp(`^(${coordinate}):(${coordinate}):(${coordinate})(?::(${coordinate}))?$`);
const absent = /Could not find artifact|was not found in/i;

/** Imports a Maven artifact. Maven verifies the repository's checksums, and fails on a mismatch. */
export const importMaven: Importer = async ({ spec, platforms }, services, signal) => {
  const [, group = "", artifact = "", version = "", type = "exe"] = specPattern.exec(spec) ?? [];
  if (group === "") throw specInvalid(spec, "write maven:GROUP:ARTIFACT:VERSION:exe");
  const client = await openMaven(services, signal);
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  for (const platform of platforms) {
    const coordinates = `${group}:${artifact}:${version}:${type}:${classifiers[platform]}`;
    const dir = join(services.workDir, "maven", platform);
    const copied = await copyArtifact(client, coordinates, dir);
    if (copied === undefined) {
      missing.push(platform);
      continue;
    }
    const path = join(dir, platform.startsWith("windows") ? `${artifact}.exe` : artifact);
    await rename(copied, path);
    const purl = `pkg:maven/${group}/${artifact}@${version}?type=${type}&classifier=${classifiers[platform]}`;
    files.push({ platform, path, provenance: await fileProvenance(purl, path, signal) });
  }
  const stated = files.length === 0 ? undefined : await describe(client, `${group}:${artifact}:${version}`, services);
  return { version, license: stated?.license, sourceUrl: stated?.sourceUrl, files, missing };
};

/** Limit of followed parents; no tool's project has more. */
const maxAncestors = 5;

/** Licence and source URL, from the POM or from its parents. */
async function describe(
  client: Maven,
  coordinates: string,
  services: ImporterServices,
): Promise<Pick<ImportedTool, "license" | "sourceUrl">> {
  // Loaded on demand: only Maven imports need the XML parser.
  const { parsePom } = await import("./pom.ts");
  let license: string | undefined;
  let sourceUrl: string | undefined;
  let next: string | undefined = coordinates;
  for (let depth = 0; next !== undefined && depth <= maxAncestors; depth += 1) {
    const dir = join(services.workDir, "maven", `pom-${depth}`);
    const path = await copyArtifact(client, `${next}:pom`, dir);
    const pom = path === undefined ? undefined : parsePom(await readFile(path, "utf8"));
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
