/** Importer for `go:MODULE/PACKAGE@VERSION`: a Go program, built for each platform from source that Go verifies. */
import { mkdir, rename } from "node:fs/promises";
import { join } from "node:path";
import * as v from "valibot";
import { ArtifactNotFoundError, asError, ContentVerificationError, type OrasClientError } from "../errors.ts";
import { ociPlatform, type PlatformString } from "../model/platform.ts";
import { checkedByGo } from "./go-checksums.ts";
import { buildInfo, go, settingsOfUser, warnOfCgo } from "./go-program.ts";
import { provenanceOf } from "./provenance.ts";
import { type ClientRun, importFailed, runClient, specInvalid } from "./run.ts";
import type { ImportedFile, Importer, ImporterServices } from "./source.ts";
import { measured, nothingSaid } from "./vouchers.ts";

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

/** Messages for a package that is not for a platform: the compiler's heading above its errors, and empty packages. */
const notBuildable = /^# \S+$|build constraints exclude all Go files/m;
const replaced = /interpreted differently than if it were the main module/;
const absent =
  /unknown revision|404 Not Found|410 Gone|does not contain package|no matching versions|\.info: .*no such file/;

/** The module's own path, as Go or its proxy states it: with the major version, or as its `go.mod` has it. */
const majorVersion = /module path must match major version \("(([\w.~/-]{1,200})\/v[0-9]+)"\)/;
const declared = /module declares its path as: ([\w.~/-]{1,200})\s+but was required as: ([\w.~/-]{1,200})(?:\s|$)/;

/** @returns The text to write instead; undefined if the path is not at fault. */
function underOwnPath(spec: string, output: string): string | undefined {
  const [, own = "", asked = ""] = majorVersion.exec(output) ?? declared.exec(output) ?? [];
  const rest = spec.slice(asked.length);
  return asked !== "" && spec.startsWith(asked) && /^[/@]/.test(rest) ? `${own}${rest}` : undefined;
}

/** The error for a build that fails on every platform. */
function buildFailed(spec: string, ran: ClientRun): OrasClientError {
  const failed = importFailed(go, spec, ran);
  const { cause } = failed;
  if (replaced.test(ran.output)) {
    const message = `go cannot install ${spec}: the module's go.mod replaces or excludes modules`;
    return new ContentVerificationError("IMPORT_CONTENT_INVALID", message, {
      cause,
      hint: "import another version, or build the program in a checkout and import `file:NAME-{platform}`",
    });
  }
  const meant = underOwnPath(spec, ran.output);
  if (meant !== undefined) {
    const message = `go:${spec} was not found: the module has another path`;
    const hint = `write go:${meant}; build a fork in a checkout and import \`file:NAME-{platform}\``;
    return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", message, { cause, hint });
  }
  if (absent.test(ran.output)) {
    return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `go:${spec} was not found`, {
      cause,
      hint: "check package and version; a private module may need GOPRIVATE and a login of git",
    });
  }
  return failed;
}

/** The error for a program that cannot be built for one platform. */
function notForPlatform(spec: string, platform: PlatformString, ran: ClientRun): OrasClientError {
  const { cause } = importFailed(go, spec, ran);
  const message = `${spec} cannot be built for ${platform} without cgo`;
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", message, {
    cause,
    hint: "name the platforms with --platform, or leave out such platforms with --skip-unavailable",
  });
}

/** The error for a text that names no version of Go: most often, only the `v` is missing. */
function withoutVersion(spec: string): Error {
  const [, path = "", version = ""] = /^([^@=]+)(?:@|==)v?([0-9].*)$/.exec(spec) ?? [];
  const meant = `${path}@v${version}`;
  const isMeant = specPattern.test(meant) && !meant.startsWith("-");
  return specInvalid(`go:${spec}`, isMeant ? `write go:${meant}` : "write go:MODULE/PACKAGE@vVERSION");
}

/**
 * Builds a Go program for each platform. The bytes depend on the version of Go, which the provenance names. Paths and
 * build ids are left out, so that machines with the same version give the same digest.
 */
export const importGo: Importer = async ({ spec, platforms, skipsUnavailable }, services, signal) => {
  const [, packagePath = "", version = ""] = specPattern.exec(spec) ?? [];
  if (packagePath === "" || packagePath.startsWith("-")) throw withoutVersion(spec);
  const settings = await settingsFor(services, signal);
  const name = programName(packagePath);
  const files: ImportedFile[] = [];
  const missing: PlatformString[] = [];
  let unavailable: OrasClientError | undefined;
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
      if (!unsupported.test(ran.output)) {
        if (!notBuildable.test(ran.output)) throw buildFailed(spec, ran);
        unavailable = notForPlatform(spec, platform, ran);
        if (!skipsUnavailable) throw unavailable;
        services.context.log.warn(`${unavailable.message}: ${asError(unavailable.cause).message}`);
      }
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
    if (files.length === 0) await warnOfCgo({ packagePath, built, env }, services, signal);
    exactVersion = built.version ?? version;
    const sum = built.sum === undefined ? "" : `&module_sum=${encodeURIComponent(built.sum)}`;
    const purl = `pkg:golang/${packagePath}@${exactVersion}?built_with=${built.goVersion}${sum}`;
    const program = await measured(path, [], signal);
    const checked = checkedByGo(built.modules, settings);
    const missed = checked === undefined ? ["Go's settings exclude modules from the checksum database"] : [];
    files.push({
      platform,
      path,
      provenance: provenanceOf(purl, program),
      vouchers: { ...nothingSaid, file: program, checked, missed },
    });
  }
  if (files.length === 0 && unavailable !== undefined) throw unavailable;
  return { version: exactVersion, license: undefined, sourceUrl: undefined, files, missing };
};
