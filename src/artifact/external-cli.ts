/**
 * Pull through the executable of `BUCK2_ORAS_BIN`, whose contract is `pull REF -o DIR --extract`. The pulled file is
 * hashed here and kept in the store.
 */

import { readdir } from "node:fs/promises";
import { basename, join } from "node:path";
import { readChunks } from "../archive/chunks.ts";
import { identifyFile } from "../archive/identify.ts";
import { type ChildEnd, runChild } from "../child/run.ts";
import {
  ArtifactNotFoundError,
  ContentVerificationError,
  OrasClientError,
  RegistryAuthError,
  RegistryUnavailableError,
} from "../errors.ts";
import { withTemporaryFolder } from "../files/temporary-folder.ts";
import { type Digest, isDigest } from "../model/digest.ts";
import type { Run } from "../transfer/run.ts";
import type { Services } from "./services.ts";

export interface ExternalFile {
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
  /** Path in the store. */
  readonly path: string;
  readonly title: string;
}

/** Bytes kept from the end of stderr. */
const maxStderrBytes = 64 * 1024;
/** Limit of stdout, which is not used. */
const maxStdoutBytes = 64 * 1024 * 1024;

/**
 * Runs the executable in the working folder with the user's whole environment, logins included. Only `BUCK2_ORAS_BIN`
 * is removed: the executable may be buck2-oras itself, and must not call itself again.
 */
async function start(
  executable: string,
  args: readonly string[],
  { context }: Pick<Services, "context">,
  run: Run,
): Promise<ChildEnd> {
  const { BUCK2_ORAS_BIN: _, ...variables } = context.env;
  const env: Record<string, string> = {};
  for (const [name, value] of Object.entries(variables)) if (value !== undefined) env[name] = value;
  const bounds = { maxStdoutBytes, maxStderrBytes, timeoutMs: undefined, runsIn: "group", leavings: "end" } as const;
  try {
    return await runChild({ program: executable, args, env, cwd: context.cwd, input: "", ...bounds }, run.signal);
  } catch (cause) {
    run.signal.throwIfAborted();
    throw notRunnable(executable, cause);
  }
}

function notRunnable(executable: string, cause: unknown): OrasClientError {
  return new OrasClientError("CLI_NOT_FOUND", `buck2-oras CLI not found: ${executable} cannot be started`, {
    cause,
    hint: "install the executable there, set BUCK2_ORAS_BIN to another path, or unset BUCK2_ORAS_BIN",
  });
}

/** Classifies a failure by the contract's words in stderr. */
function failure(executable: string, text: string, { exitCode, stderr }: ChildEnd): OrasClientError {
  const said = stderr.trim().split("\n").slice(-3).join(" ");
  const details = { cause: new Error(said || `exit code ${exitCode}`) };
  if (/authentication/i.test(stderr)) {
    return new RegistryAuthError("REGISTRY_UNAUTHORIZED", `authentication failed for ${text}`, details);
  }
  if (/not found/i.test(stderr)) return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${text}`, details);
  return new RegistryUnavailableError("CLI_FAILED", `${executable} could not pull ${text} (exit code ${exitCode})`, {
    ...details,
    hint: "run the executable by hand with --verbose, or unset BUCK2_ORAS_BIN",
  });
}

function statedDigest(stderr: string): Digest | undefined {
  const stated = /^[ \t]*Digest:[ \t]*(\S+)/im.exec(stderr)?.[1];
  return stated !== undefined && isDigest(stated) ? stated : undefined;
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
}

/**
 * @param text Canonical reference.
 * @throws {OrasClientError} `CLI_NOT_FOUND`, `CLI_FAILED`; `REGISTRY_UNAUTHORIZED` and `ARTIFACT_NOT_FOUND` by the
 *   executable's words; `CONTENT_DIGEST_MISMATCH` for anything but one file with the stated digest
 */
export async function pullThroughExternalCli(
  executable: string,
  text: string,
  services: Pick<Services, "context" | "store">,
  run: Run,
): Promise<ExternalFile> {
  return await withTemporaryFolder("external", services.context, async (folder) => {
    services.context.log.debug(`${text} is pulled by ${executable}`);
    const ended = await start(executable, ["pull", text, "-o", folder, "--extract"], services, run);
    if (ended.outcome !== "exited" || ended.exitCode !== 0) throw failure(executable, text, ended);
    const files = await filesIn(folder);
    const stated = statedDigest(ended.stderr);
    const [only] = files;
    if (only === undefined || files.length > 1) {
      throw new ContentVerificationError(
        "CONTENT_DIGEST_MISMATCH",
        `${executable} wrote ${files.length} files for ${text}, not one`,
        {
          hint: "unset BUCK2_ORAS_BIN to pull folders",
        },
      );
    }
    const file = await identifyFile(only);
    if (stated !== undefined && stated !== file.digest) {
      throw new ContentVerificationError(
        "CONTENT_DIGEST_MISMATCH",
        `${executable} stated ${stated} but wrote ${file.digest}`,
      );
    }
    const path = await services.store.ingest(file, readChunks(only, run.signal), run.signal);
    return { ...file, path, title: basename(only) };
  });
}
