/** Runs a real Buck2 on a project, with a daemon of its own that is ended with the project. */
import { existsSync, mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll } from "vitest";
import { findProgram, type Skippable } from "./peers.ts";
import { type Ran, type RunOptions, run } from "./run.ts";

/** `BUCK2=…`, or the one on the PATH; without it the test that asks is skipped. */
export function requireBuck2(context: Skippable): string {
  return findBuck2() ?? context.skip("buck2 is not installed (put it on the PATH, or name it with BUCK2=…)");
}

export function findBuck2(): string | undefined {
  return process.env.BUCK2 ?? findProgram("buck2");
}

/** What Buck2 says about a failed action beside its output: one for each `error[CODE]` of ours. */
export interface SubError {
  /** Our code. */
  readonly category: string;
  readonly message: string;
  /** Our hint. */
  readonly remediation: string | undefined;
}

export interface Built extends Ran {
  /** Actions that this build ran, or took from a remote cache; all 0 when it had nothing to do. */
  readonly actions: { readonly local: number; readonly remote: number; readonly cached: number };
  /** Absolute paths of what a target gave; a sub-target is asked for as `TARGET` and `NAME`. */
  readonly outputs: (target: string, subTarget?: string) => readonly string[];
  readonly subErrors: readonly SubError[];
}

/** The parts of `--build-report` that tests read. @see docs/users/build_observability/build_report.md of Buck2 */
interface BuildReport {
  readonly build_metrics?: {
    readonly metrics: {
      readonly local_executions: number;
      readonly remote_executions: number;
      readonly remote_cache_hits: number;
    };
  };
  readonly results: Readonly<
    Record<
      string,
      {
        readonly outputs: Readonly<Record<string, readonly string[]>>;
        readonly configured: Readonly<Record<string, { readonly errors: readonly ReportedError[] }>>;
      }
    >
  >;
  /** Long texts by their hash, which stands in their place. */
  readonly strings: Readonly<Record<string, string>>;
}

interface ReportedError {
  readonly action_error?: {
    readonly error_diagnostics?: {
      readonly sub_errors?: readonly {
        readonly category: string;
        readonly message_content?: string;
        readonly remediation?: string;
      }[];
    };
  };
}

export interface Buck2Options {
  /** Buck2's daemon sees the environment of the call that starts it: another environment needs another name. */
  readonly isolationDir?: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** What is piped into it. */
  readonly input?: string;
  /** Told the client's process, to signal it. */
  readonly onStart?: RunOptions["onStart"];
}

export interface Buck2Project {
  readonly dir: string;
  /** The cache of our executable, for all actions of the project. */
  readonly cacheDir: string;
  readonly buck2: (args: readonly string[], options?: Buck2Options) => Promise<Ran>;
  readonly build: (targets: readonly string[], options?: Buck2Options & { args?: readonly string[] }) => Promise<Built>;
  /** Ends the daemons. */
  readonly stop: () => Promise<void>;
}

const defaultIsolationDir = "e2e";

/** @param dir The project's root, with the configuration that `projectConfig` writes. */
export function buck2Project(buck2: string, dir: string): Buck2Project {
  const home = join(dir, "..", "home");
  const cacheDir = join(dir, "..", "cache");
  mkdirSync(home, { recursive: true });
  const isolationDirs = new Set<string>();
  const runBuck2 = (args: readonly string[], options: Buck2Options = {}): Promise<Ran> => {
    const isolationDir = options.isolationDir ?? defaultIsolationDir;
    isolationDirs.add(isolationDir);
    return run(buck2, ["--isolation-dir", isolationDir, ...args], {
      cwd: options.cwd ?? dir,
      env: { HOME: home, BUCK2_ORAS_CACHE_DIR: cacheDir, BUCK_CONSOLE: "simple", ...options.env },
      input: options.input ?? "",
      ...(options.onStart === undefined ? {} : { onStart: options.onStart }),
    });
  };
  return {
    dir,
    cacheDir,
    buck2: runBuck2,
    build: async (targets, options = {}) => {
      const reportFile = join(home, "report.json");
      rmSync(reportFile, { force: true });
      const report = ["--build-report", reportFile];
      const ran = await runBuck2(["build", ...report, ...(options.args ?? []), ...targets], options);
      return built(ran, dir, reportFile);
    },
    stop: async () => {
      for (const isolationDir of isolationDirs) await runBuck2(["kill"], { isolationDir });
    },
  };
}

function built(ran: Ran, dir: string, reportFile: string): Built {
  if (!existsSync(reportFile)) throw new Error(`Buck2 wrote no build report:\n${ran.stderr}`);
  const report: BuildReport = JSON.parse(readFileSync(reportFile, "utf8"));
  const metrics = report.build_metrics?.metrics;
  if (metrics === undefined) throw new Error("the build report has no metrics: see `projectConfig`");
  return {
    ...ran,
    actions: { local: metrics.local_executions, remote: metrics.remote_executions, cached: metrics.remote_cache_hits },
    outputs: (target, subTarget = "DEFAULT") => {
      const outputs = report.results[target]?.outputs[subTarget];
      if (outputs === undefined) throw new Error(`no outputs of ${target} in the build report:\n${ran.stderr}`);
      return outputs.map((path) => join(dir, path));
    },
    subErrors: Object.values(report.results)
      .flatMap((result) => Object.values(result.configured))
      .flatMap((configured) => configured.errors)
      .flatMap((error) => error.action_error?.error_diagnostics?.sub_errors ?? [])
      .map(({ category, message_content = "", remediation }) => ({
        category,
        message: report.strings[message_content] ?? message_content,
        remediation,
      })),
  };
}

/**
 * Something that the tests of one file share: made when the first of them asks, ended after the last.
 *
 * @param need Looks for programs and files, and skips the test that asks; called for each test.
 * @param make Called once, with what was found.
 */
export function shared<Needs, T extends { readonly stop: () => Promise<void> }>(
  need: (context: Skippable) => Needs | Promise<Needs>,
  make: (needs: Needs) => Promise<T>,
): (context: Skippable) => Promise<T> {
  let made: Promise<T> | undefined;
  afterAll(async () => {
    const it = await made?.catch(() => undefined);
    await it?.stop();
  });
  return async (context) => {
    const needs = await need(context);
    made ??= make(needs);
    return await made;
  };
}
