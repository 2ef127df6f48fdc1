/** Lays out projects that take this repository as an external git cell, as a user's would. */
import { execFileSync } from "node:child_process";
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { inject } from "vitest";
import { type Buck2Project, buck2Project } from "./buck2.ts";

export const repository = join(import.meta.dirname, "..", "..");
export const exampleDir = join(repository, "examples", "consumer");

/** The registry that the example's lock names. */
export const exampleRegistry = "localhost:5000";

function git(cwd: string, ...args: readonly string[]): string {
  const identity = ["-c", "user.name=tests", "-c", "user.email=tests@localhost", "-c", "commit.gpgsign=false"];
  // The same tree is the same commit: its hash is in the path of the executable, and so in the digest of every action.
  const env = { ...process.env, GIT_AUTHOR_DATE: "2026-01-01T00:00:00Z", GIT_COMMITTER_DATE: "2026-01-01T00:00:00Z" };
  const options = { cwd, env, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 } as const;
  return execFileSync("git", [...identity, ...args], options).trim();
}

/** Files of the working tree that git knows, as they are now. */
function trackedFiles(folder: string): string[] {
  const listed = git(folder, "ls-files", "--cached", "--others", "--exclude-standard", "-z").split("\0");
  return listed.filter((path) => path !== "" && existsSync(join(folder, path)));
}

function copyTracked(from: string, to: string): void {
  for (const path of trackedFiles(from)) {
    mkdirSync(dirname(join(to, path)), { recursive: true });
    copyFileSync(join(from, path), join(to, path));
  }
}

/** A git repository of the working tree, with the executable as `src/` builds it now. @returns its commit */
export function commitWorkingTree(dir: string): string {
  mkdirSync(dir);
  copyTracked(repository, dir);
  mkdirSync(join(dir, "dist"), { recursive: true });
  copyFileSync(inject("executable"), join(dir, "dist", "buck2-oras.cjs"));
  git(dir, "init", "--quiet");
  git(dir, "add", "--all", "--force");
  git(dir, "commit", "--quiet", "--message", "the working tree");
  return git(dir, "rev-parse", "HEAD");
}

export interface ProjectOptions {
  /** Path → text, put over what is there. */
  readonly files?: Readonly<Record<string, string>>;
  /** `HOST:PORT` in place of the registry of the example's lock. */
  readonly registry?: string;
  /** What the project calls the cell of this repository. */
  readonly cell?: string;
  /** More lines for the project's configuration. */
  readonly config?: string;
  /** Whether the project is the example; else it has the example's configuration and nothing else. */
  readonly isExample?: boolean;
}

export interface Consumer extends Buck2Project {
  /** Writes or replaces a file of the project. */
  readonly write: (path: string, text: string) => void;
}

/** A project in a temporary folder, which `stop` removes. */
export function layOutProject(buck2: string, options: ProjectOptions = {}): Consumer {
  const folder = mkdtempSync(join(tmpdir(), "buck2-oras-e2e-"));
  const rules = join(folder, "rules");
  const commit = commitWorkingTree(rules);
  const dir = join(folder, "project");
  const write = (path: string, text: string): void => {
    mkdirSync(dirname(join(dir, path)), { recursive: true });
    writeFileSync(join(dir, path), text);
  };
  if (options.isExample === true) {
    copyTracked(exampleDir, dir);
  } else {
    for (const file of [".buckconfig", ".buckroot"]) write(file, readFileSync(join(exampleDir, file), "utf8"));
  }
  const { cell = "oras", registry } = options;
  if (cell !== "oras") {
    const config = readFileSync(join(dir, ".buckconfig"), "utf8");
    write(
      ".buckconfig",
      config.replaceAll(/^( {2})oras = (oras|git)$/gm, `$1${cell} = $2`).replaceAll("_oras]", `_${cell}]`),
    );
  }
  if (registry !== undefined && existsSync(join(dir, "oras.lock.json"))) {
    const lock = readFileSync(join(dir, "oras.lock.json"), "utf8");
    write("oras.lock.json", lock.replaceAll(exampleRegistry, registry));
  }
  write(
    ".buckconfig.local",
    `[external_cell_${cell}]
  git_origin = file://${rules}
  commit_hash = ${commit}

[buck2]
  detailed_aggregated_metrics = true

${options.config ?? ""}`,
  );
  for (const [path, text] of Object.entries(options.files ?? {})) write(path, text);
  const project = buck2Project(buck2, dir);
  return {
    ...project,
    write,
    stop: async () => {
      await project.stop();
      rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
    },
  };
}
