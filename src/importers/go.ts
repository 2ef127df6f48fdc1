/** `go:MODULE/PACKAGE@VERSION`: a program in Go, built for each platform from the source that the checksum database knows. */
import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import { ociPlatform, type PlatformString } from "../model/platform.ts";
import { fileProvenance } from "./provenance.ts";
import { type ClientProgram, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";

/** Settings of the user's (`go env -w`) that count: where modules come from and are kept, and which Go may build them. */
const settingsOfUser = [
  "GOMODCACHE",
  "GOCACHE",
  "GOPROXY",
  "GONOPROXY",
  "GOSUMDB",
  "GONOSUMDB",
  "GOPRIVATE",
  "GOINSECURE",
  "GOVCS",
  "GOAUTH",
  "GOTOOLCHAIN",
] as const;

const go: ClientProgram = {
  name: "go",
  howToGet: "install Go and put it on the PATH",
  // Where modules are, how to get there, and as whom; Go's own settings are asked for once, and stated to it from then on. Not what
  // changes the bytes, runs something (`GOFLAGS=-toolexec`, `CC`), or names a repository of the user's (`GIT_DIR`).
  variables: [
    "GOROOT",
    "GOENV",
    "GOPATH",
    "GOTMPDIR",
    ...settingsOfUser,
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "GIT_SSL_CAINFO",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_SYSTEM",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_KEY_*",
    "GIT_CONFIG_VALUE_*",
  ],
};

/**
 * Nothing else of them does: `GOBIN` is a folder with programs of the user's, and an empty variable would not do, since Go then reads
 * the file where `go env -w` keeps it.
 */
const settingsOfOurs = {
  GOENV: "off",
  GOWORK: "off",
  GO111MODULE: "on",
  GOFLAGS: "",
  CGO_ENABLED: "0",
  // The oldest processors, and nothing experimental.
  GOAMD64: "v1",
  GOARM64: "v8.0",
  GOEXPERIMENT: "",
  GOFIPS140: "off",
};

const specPattern =
  /^((?:[A-Za-z0-9_~-][A-Za-z0-9._~-]*)(?:\/[A-Za-z0-9_~-][A-Za-z0-9._~-]*)*)@(v[A-Za-z0-9.+-]+|latest)$/;
const unsupported = /unsupported GOOS\/GOARCH/;

function programName(packagePath: string): string {
  const parts = packagePath.split("/");
  const last = parts.at(-1) ?? packagePath;
  // The major version at the end of a module's path is no name.
  return /^v[0-9]+$/.test(last) ? (parts.at(-2) ?? last) : last;
}

/** Settings of the user's Go; those that it does not know are left out. */
async function settingsFor(services: ImporterServices, signal: AbortSignal): Promise<Record<string, string>> {
  const asked = await runClient(go, { args: ["env", "-json", ...settingsOfUser], env: {} }, services, signal);
  if (asked.exitCode !== 0) throw importFailed(go, "its own environment", asked);
  const stated = v.safeParse(v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string())), asked.stdout);
  if (!stated.success) throw importFailed(go, "its own environment", asked);
  const known = Object.entries(stated.output).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(known), ...settingsOfOurs };
}

/**
 * The bytes depend on the version of Go, which is noted; paths and build ids are left out, so that two machines with one version
 * give one digest.
 */
export const importGo: Importer = async ({ spec, platforms }, services, signal) => {
  const [, packagePath = "", version = ""] = specPattern.exec(spec) ?? [];
  if (packagePath === "" || packagePath.startsWith("-")) throw specInvalid(spec, "write go:MODULE/PACKAGE@vVERSION");
  const settings = await settingsFor(services, signal);
  const name = programName(packagePath);
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  let exactVersion = version;
  for (const platform of platforms) {
    const { os, architecture } = ociPlatform(platform);
    const home = join(services.workDir, "go", platform);
    await mkdir(home, { recursive: true });
    // Into a GOPATH of its own: Go refuses GOBIN for another platform.
    const env = { ...settings, GOPATH: home, GOOS: os, GOARCH: architecture };
    const args = ["install", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "--"];
    const ran = await runClient(go, { args: [...args, `${packagePath}@${version}`], env }, services, signal);
    if (ran.exitCode !== 0) {
      if (!unsupported.test(ran.output)) throw importFailed(go, spec, ran);
      missing.push(platform);
      continue;
    }
    const file = os === "windows" ? `${name}.exe` : name;
    const path = join(home, file);
    // Where a program for another platform goes, or for this one.
    await rename(join(home, "bin", `${os}_${architecture}`, file), path).catch(() =>
      rename(join(home, "bin", file), path),
    );
    const built = await buildInfo(path, settings, services, signal);
    exactVersion = built.version ?? version;
    const sum = built.sum === undefined ? "" : `&module_sum=${encodeURIComponent(built.sum)}`;
    const purl = `pkg:golang/${packagePath}@${exactVersion}?built_with=${built.goVersion}${sum}`;
    files.push({ platform, path, provenance: await fileProvenance(purl, path, signal) });
  }
  return { version: exactVersion, license: undefined, sourceUrl: undefined, files, missing };
};

interface BuildInfo {
  /** Version of the Go that built it: a module may want a newer one than the user has. */
  readonly goVersion: string;
  /** Version of the module. */
  readonly version: string | undefined;
  /** That the checksum database has of it. */
  readonly sum: string | undefined;
}

/** The version in the program itself. */
async function buildInfo(
  path: string,
  settings: Readonly<Record<string, string>>,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<BuildInfo> {
  const ran = await runClient(go, { args: ["version", "-m", path], env: settings }, services, signal);
  const [firstLine = ""] = ran.stdout.split("\n", 1);
  const [, goVersion] = /: (go[0-9A-Za-z.+-]+)/.exec(firstLine.slice(path.length)) ?? [];
  if (goVersion === undefined) throw importFailed(go, `what ${basename(path)} is built of`, ran);
  const [, version, sum] = /^\tmod\t\S+\t(\S+)(?:\t(h1:\S+))?$/m.exec(ran.stdout) ?? [];
  return { goVersion, version, sum };
}
