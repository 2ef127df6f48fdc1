/** The program go, and facts about the programs that it builds. */
import { mkdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { type ClientProgram, importFailed, runClient } from "./run.ts";
import type { ImporterServices } from "./source.ts";

/** The user's settings (`go env -w`) that are kept: sources and caches of modules, and the version of Go. */
export const settingsOfUser = [
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

export const go: ClientProgram = {
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

export interface BuildInfo {
  /** Version of Go that built the program; a module may require a newer Go than the installed version. */
  readonly goVersion: string;
  /** Path of the module. */
  readonly modulePath: string | undefined;
  /** Version of the module. */
  readonly version: string | undefined;
  /** Checksum (`h1:`) of the module, as in the checksum database. */
  readonly sum: string | undefined;
  /** Paths of all modules in the program. */
  readonly modules: readonly string[];
}

/** Reads the build information in a program. */
export async function buildInfo(
  path: string,
  settings: Readonly<Record<string, string>>,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<BuildInfo> {
  const ran = await runClient(go, { args: ["version", "-m", path], env: settings, what: "Go" }, services, signal);
  const [firstLine = ""] = ran.stdout.split("\n", 1);
  const [, goVersion] = /: (go[0-9A-Za-z.+-]+)/.exec(firstLine.slice(path.length)) ?? [];
  if (goVersion === undefined) throw importFailed(go, `the build information of ${basename(path)}`, ran);
  const [, modulePath, version, sum] = /^\tmod\t(\S+)\t(\S+)(?:\t(h1:\S+))?$/m.exec(ran.stdout) ?? [];
  const modules = [...ran.stdout.matchAll(/^\t(?:mod|dep)\t(\S+)\t/gm)].map(([, one = ""]) => one);
  return { goVersion, modulePath, version, sum, modules };
}

interface CgoQuestion {
  readonly packagePath: string;
  readonly built: BuildInfo;
  /** Environment of the build. */
  readonly env: Readonly<Record<string, string>>;
}

/** Prints the packages that have other code with cgo: their code without cgo may only report that cgo is missing. */
export async function warnOfCgo(
  { packagePath, built: { modulePath, version }, env }: CgoQuestion,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<void> {
  if (modulePath === undefined || version === undefined) return;
  const dir = join(services.workDir, "go", "cgo");
  await mkdir(dir, { recursive: true });
  const modFile = join(dir, "go.mod");
  await writeFile(modFile, `module run\n\nrequire ${modulePath} ${version}\n`);
  const format = "{{if .CgoFiles}}{{if not .Standard}}{{.ImportPath}}{{end}}{{end}}";
  const args = ["list", "-deps", "-mod=mod", `-modfile=${modFile}`, "-f", format, "--", packagePath];
  const ran = await runClient(go, { args, env: { ...env, CGO_ENABLED: "1" }, what: "Go" }, services, signal);
  if (ran.exitCode !== 0) return services.context.log.debug(`go list: ${ran.output.trim()}`);
  const packages = ran.stdout.split("\n").filter((line) => line !== "");
  if (packages.length === 0) return;
  services.context.log.warn(
    `${packagePath} is built without cgo, which ${packages.join(", ")} can use: try the program before you lock it`,
  );
}
