/** `maven:GROUP:ARTIFACT:VERSION[:TYPE]`: executables that are published with a classifier for each platform, such as protoc. */
import { mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";
import type { PlatformString } from "../model/platform.ts";
import { fileOrigin } from "./origin.ts";
import { type ClientProgram, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportedFile, Importer } from "./source.ts";

const mvn: ClientProgram = {
  name: "mvn",
  howToGet: "install Apache Maven (Debian: `apt install maven`) and put it on the PATH",
};

/** Names of os-maven-plugin, which artifacts of native programs are published under. */
const classifiers: Readonly<Record<PlatformString, string>> = {
  "linux-x86_64": "linux-x86_64",
  "linux-aarch64": "linux-aarch_64",
  "darwin-x86_64": "osx-x86_64",
  "darwin-arm64": "osx-aarch_64",
  "windows-x86_64": "windows-x86_64",
  "windows-arm64": "windows-aarch_64",
};

const part = "[A-Za-z0-9._-]+";
const specPattern = new RegExp(`^(${part}):(${part}):(${part})(?::(${part}))?$`);
const absent = /Could not find artifact|was not found in/i;

/** Maven checks the sums that the repository states, and fails on another one. */
export const importMaven: Importer = async (spec, platforms, deps, signal) => {
  const [, group = "", artifact = "", version = "", type = "exe"] = specPattern.exec(spec) ?? [];
  if (group === "") throw specInvalid(spec, "write maven:GROUP:ARTIFACT:VERSION:exe");
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  for (const platform of platforms) {
    const coordinates = `${group}:${artifact}:${version}:${type}:${classifiers[platform]}`;
    const dir = join(deps.workDir, "maven", platform);
    await mkdir(dir, { recursive: true });
    const args = [
      "-q",
      "-B",
      "--strict-checksums",
      "dependency:copy",
      `-Dartifact=${coordinates}`,
      `-DoutputDirectory=${dir}`,
    ];
    const ran = await runClient(mvn, args, {}, deps, signal);
    if (ran.exitCode !== 0) {
      if (!absent.test(ran.output)) throw importFailed(mvn, coordinates, ran);
      missing.push(platform);
      continue;
    }
    const [name] = await readdir(dir);
    if (name === undefined) throw importFailed(mvn, coordinates, ran);
    const path = join(dir, platform.startsWith("windows") ? `${artifact}.exe` : artifact);
    await rename(join(dir, name), path);
    const purl = `pkg:maven/${group}/${artifact}@${version}?type=${type}&classifier=${classifiers[platform]}`;
    files.push({ platform, path, origin: await fileOrigin(purl, path) });
  }
  return { version, license: undefined, source: undefined, files, missing };
};
