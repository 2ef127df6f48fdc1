/**
 * `BUCK2_ORAS_BIN`: another executable with the `pull REF -o DIR --extract` contract pulls in our place; what it gives is
 * hashed here and kept in our store.
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
  /** In the store. */
  readonly path: string;
  readonly title: string;
}

/** Only the end of it is looked at. */
const maxStderrBytes = 64 * 1024;
/** Nothing of it is wanted. */
const maxStdoutBytes = 64 * 1024 * 1024;

/**
 * It stands in our place: it runs where we run, with all that the user set for us, logins among it, but for the variable that
 * names it, so that an executable that is this program itself does not call itself again.
 */
async function start(executable: string, args: readonly string[], { context }: Services, run: Run): Promise<ChildEnd> {
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
    hint: "BUCK2_ORAS_BIN names it: install it there, point the variable elsewhere, or unset it to pull without it",
  });
}

/** Sorts the failure by the words that the contract promises. */
function failure(executable: string, text: string, { exitCode, stderr }: ChildEnd): OrasClientError {
  const said = stderr.trim().split("\n").slice(-3).join(" ");
  const details = { cause: new Error(said || `exit code ${exitCode}`) };
  if (/authentication/i.test(stderr)) {
    return new RegistryAuthError("REGISTRY_UNAUTHORIZED", `authentication failed for ${text}`, details);
  }
  if (/not found/i.test(stderr)) return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: ${text}`, details);
  return new RegistryUnavailableError("CLI_FAILED", `${executable} could not pull ${text} (exit code ${exitCode})`, {
    ...details,
    hint: "run it by hand with --verbose, or unset BUCK2_ORAS_BIN to pull without it",
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
 * @throws {OrasClientError} `CLI_NOT_FOUND`, `CLI_FAILED`, and what the executable's words say
 */
export async function pullThroughExternalCli(
  executable: string,
  text: string,
  services: Services,
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
        `${executable} gave ${files.length} files for ${text}, not one`,
        {
          hint: "unset BUCK2_ORAS_BIN to pull folders",
        },
      );
    }
    const file = await identifyFile(only);
    if (stated !== undefined && stated !== file.digest) {
      throw new ContentVerificationError(
        "CONTENT_DIGEST_MISMATCH",
        `${executable} says ${stated} and gave ${file.digest}`,
      );
    }
    const path = await services.store.ingest(file, readChunks(only, run.signal), run.signal);
    return { ...file, path, title: basename(only) };
  });
}
