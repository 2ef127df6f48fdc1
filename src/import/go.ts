/** `go:MODULE/PACKAGE@VERSION`: a program in Go, built for each platform from the source that the checksum database knows. */
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import { ociPlatform, type PlatformString } from "../model/platform.ts";
import { fileOrigin } from "./origin.ts";
import { type ClientProgram, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportDeps, ImportedFile, Importer } from "./source.ts";

const go: ClientProgram = { name: "go", howToGet: "install Go and put it on the PATH" };

const specPattern = /^([A-Za-z0-9][A-Za-z0-9._~/-]*)@(v[A-Za-z0-9.+-]+|latest)$/;
const unsupported = /unsupported GOOS\/GOARCH/;

function programName(packagePath: string): string {
  const parts = packagePath.split("/");
  const last = parts.at(-1) ?? packagePath;
  // The major version at the end of a module's path is no name.
  return /^v[0-9]+$/.test(last) ? (parts.at(-2) ?? last) : last;
}

/**
 * The bytes depend on the version of Go, which is noted; paths and build ids are left out, so that two machines with one version
 * give one digest.
 */
export const importGo: Importer = async (spec, platforms, deps, signal) => {
  const [, packagePath = "", version = ""] = specPattern.exec(spec) ?? [];
  if (packagePath === "") throw specInvalid(spec, "write go:MODULE/PACKAGE@vVERSION");
  const asked = await runClient(go, ["env", "GOVERSION", "GOMODCACHE"], {}, deps, signal);
  if (asked.exitCode !== 0) throw importFailed(go, "its own environment", asked);
  const [goVersion = "", moduleCache = ""] = asked.stdout.trim().split("\n");
  const name = programName(packagePath);
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  let exactVersion = version;
  for (const platform of platforms) {
    const { os, architecture } = ociPlatform(platform);
    const home = join(deps.workDir, "go", platform);
    await mkdir(home, { recursive: true });
    // Into a GOPATH of its own: Go refuses GOBIN for another platform.
    const env = {
      GOPATH: home,
      GOMODCACHE: moduleCache,
      GOOS: os,
      GOARCH: architecture,
      CGO_ENABLED: "0",
      GOFLAGS: "",
      GOBIN: "",
      // What the caller's machine may have set: the oldest processors, and nothing experimental.
      GOAMD64: "v1",
      GOARM64: "v8.0",
      GOEXPERIMENT: "",
    };
    const args = ["install", "-trimpath", "-buildvcs=false", "-ldflags=-s -w -buildid=", `${packagePath}@${version}`];
    const ran = await runClient(go, args, env, deps, signal);
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
    const built = await buildInfo(path, deps, signal);
    exactVersion = built.version ?? version;
    const sum = built.sum === undefined ? "" : `&module_sum=${encodeURIComponent(built.sum)}`;
    const purl = `pkg:golang/${packagePath}@${exactVersion}?built_with=${goVersion}${sum}`;
    files.push({ platform, path, origin: await fileOrigin(purl, path) });
  }
  return { version: exactVersion, license: undefined, source: undefined, files, missing };
};

/** What the program says of its module: the version that was built, and the sum that the checksum database has of it. */
async function buildInfo(
  path: string,
  deps: ImportDeps,
  signal: AbortSignal,
): Promise<{ readonly version: string | undefined; readonly sum: string | undefined }> {
  const ran = await runClient(go, ["version", "-m", path], {}, deps, signal);
  const [, version, sum] = /^\tmod\t\S+\t(\S+)(?:\t(h1:\S+))?$/m.exec(ran.stdout) ?? [];
  return { version, sum };
}
