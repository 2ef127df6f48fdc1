/** Importer for `go:MODULE/PACKAGE@VERSION`: a Go program, built for each platform from source that Go verifies. */
import { mkdir, rename } from "node:fs/promises";
import { basename, join } from "node:path";
import * as v from "valibot";
import { ociPlatform, type PlatformString } from "../model/platform.ts";
import { fileProvenance } from "./provenance.ts";
import { type ClientProgram, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";

/** The user's settings (`go env -w`) that are kept: sources and caches of modules, and the version of Go. */
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
  // Locations of modules, and logins. Go's own settings are read once, and then passed to Go. Left out: variables that
  // change the bytes, run programs (`GOFLAGS=-toolexec`, `CC`), or name a repository of the user (`GIT_DIR`).
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
 * Fixed settings; the user's other settings do not count. `GOENV` is off: for an empty variable, Go would read the file
 * of `go env -w`, where `GOBIN` is the user's folder of programs.
 */
const settingsOfOurs = {
  GOENV: "off",
  GOWORK: "off",
  GO111MODULE: "on",
  GOFLAGS: "",
  CGO_ENABLED: "0",
  // The oldest processors, and no experiments.
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
  // A major version at the end of a module's path is not the program's name.
  return /^v[0-9]+$/.test(last) ? (parts.at(-2) ?? last) : last;
}

/** Asks Go once for the user's settings, leaves out empty settings, and adds the fixed settings. */
async function settingsFor(services: ImporterServices, signal: AbortSignal): Promise<Record<string, string>> {
  const asked = await runClient(
    go,
    { args: ["env", "-json", ...settingsOfUser], env: {}, what: "Go" },
    services,
    signal,
  );
  if (asked.exitCode !== 0) throw importFailed(go, "its environment", asked);
  const stated = v.safeParse(v.pipe(v.string(), v.parseJson(), v.record(v.string(), v.string())), asked.stdout);
  if (!stated.success) throw importFailed(go, "its environment", asked);
  const known = Object.entries(stated.output).filter(([, value]) => value !== "");
  return { ...Object.fromEntries(known), ...settingsOfOurs };
}

/**
 * Builds a Go program for each platform. The bytes depend on the version of Go, which the provenance names. Paths and
 * build ids are left out, so that machines with the same version give the same digest.
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
    // A separate GOPATH for each platform: Go refuses GOBIN for another platform.
    const env = { ...settings, GOPATH: home, GOOS: os, GOARCH: architecture };
    const args = ["install", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", "--"];
    const ran = await runClient(
      go,
      { args: [...args, `${packagePath}@${version}`], env, what: `Go: ${platform}` },
      services,
      signal,
    );
    if (ran.exitCode !== 0) {
      if (!unsupported.test(ran.output)) throw importFailed(go, spec, ran);
      missing.push(platform);
      continue;
    }
    const file = os === "windows" ? `${name}.exe` : name;
    const path = join(home, file);
    // Go's folder for programs of another platform, else for programs of this platform.
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
  /** Version of Go that built the program; a module may require a newer Go than the installed version. */
  readonly goVersion: string;
  /** Version of the module. */
  readonly version: string | undefined;
  /** Checksum (`h1:`) of the module, as in the checksum database. */
  readonly sum: string | undefined;
}

/** Reads the build information in a program. */
async function buildInfo(
  path: string,
  settings: Readonly<Record<string, string>>,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<BuildInfo> {
  const ran = await runClient(go, { args: ["version", "-m", path], env: settings, what: "Go" }, services, signal);
  const [firstLine = ""] = ran.stdout.split("\n", 1);
  const [, goVersion] = /: (go[0-9A-Za-z.+-]+)/.exec(firstLine.slice(path.length)) ?? [];
  if (goVersion === undefined) throw importFailed(go, `the build information of ${basename(path)}`, ran);
  const [, version, sum] = /^\tmod\t\S+\t(\S+)(?:\t(h1:\S+))?$/m.exec(ran.stdout) ?? [];
  return { goVersion, version, sum };
}
