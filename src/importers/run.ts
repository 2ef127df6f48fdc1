/** Runs of an ecosystem's own client with the user's configuration, so that private mirrors and logins work. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { environmentFor } from "../child/environment.ts";
import { type ChildEnd, runChild } from "../child/run.ts";
import { whileAwaiting } from "../context.ts";
import { ContentVerificationError, isErrno, OrasClientError, UsageError } from "../errors.ts";
import type { ImporterServices } from "./source.ts";

export interface ClientProgram {
  /** Name of the executable on the PATH. */
  readonly name: string;
  /** Hint to install the client. */
  readonly howToGet: string;
  /** The user's variables that the client gets, in addition to the variables that every child gets. */
  readonly variables: readonly string[];
}

export interface ClientRun {
  readonly exitCode: number;
  readonly stdout: string;
  /** Both streams without terminal control codes; contains the client's error. */
  readonly output: string;
}

/** Limit of each stream; pip writes a few MiB for a package with thousands of files. */
const maxOutputBytes = 16 * 1024 * 1024;
const maxQuotedLength = 500;

/**
 * Creates the folder that clients run in: not the working folder, which may be an untrusted checkout. Its files end the
 * clients' search for a project. Otherwise npm, Go and Maven would search upwards through the temporary folder, where
 * every user may write: `.npmrc` sets the source of packages, and Maven runs extensions that `.mvn/` names.
 */
async function fencedFolder(services: ImporterServices): Promise<string> {
  // Made once: a client that runs at the same time may read the files.
  const made = fencedFolders.get(services) ?? makeFencedFolder(services.workDir);
  fencedFolders.set(services, made);
  return await made;
}

const fencedFolders = new WeakMap<ImporterServices, Promise<string>>();

async function makeFencedFolder(workDir: string): Promise<string> {
  const folder = join(workDir, "run");
  await mkdir(join(folder, ".mvn"), { recursive: true });
  await writeFile(join(folder, "package.json"), "{}\n");
  await writeFile(join(folder, "go.mod"), "module run\n");
  return folder;
}

export interface ClientCall {
  readonly args: readonly string[];
  /** Added to the user's variables. */
  readonly env: Readonly<Record<string, string>>;
  /** Names the awaited thing on a terminal: `PyPI: linux-x86_64`. */
  readonly what: string;
}

/**
 * Runs a client to its end; the caller checks the exit code.
 *
 * @throws {OrasClientError} `IMPORT_CLIENT_NOT_FOUND`; `IMPORT_FAILED` if the client does not start or writes too much
 */
export async function runClient(
  program: ClientProgram,
  { args, env, what }: ClientCall,
  services: ImporterServices,
  signal: AbortSignal,
): Promise<ClientRun> {
  const { context } = services;
  context.log.debug(`${program.name} ${args.join(" ")}`);
  const request = {
    program: program.name,
    args,
    env: { ...environmentFor(context.env, program.variables), ...env },
    cwd: await fencedFolder(services),
    input: "",
    maxStdoutBytes: maxOutputBytes,
    maxStderrBytes: maxOutputBytes,
    timeoutMs: undefined,
    runsIn: "group",
    leavings: "end",
  } as const;
  let ended: ChildEnd;
  try {
    ended = await whileAwaiting(context.progress, what, () => runChild(request, signal));
  } catch (cause) {
    signal.throwIfAborted();
    if (isErrno(cause, "ENOENT")) throw clientMissing(program);
    throw new OrasClientError("IMPORT_FAILED", `${program.name} cannot be started`, { cause, hint: program.howToGet });
  }
  const { exitCode, stdout, stderr } = ended;
  const run = { exitCode, stdout, output: stripVTControlCharacters(`${stdout}\n${stderr}`) };
  if (ended.outcome === "wrote too much") {
    throw new OrasClientError("IMPORT_FAILED", `${program.name} was stopped: its output is over 16 MiB`, {
      hint: `run ${program.name} by hand with the same name and version`,
    });
  }
  return run;
}

export function clientMissing({ name, howToGet }: Pick<ClientProgram, "name" | "howToGet">): OrasClientError {
  return new OrasClientError("IMPORT_CLIENT_NOT_FOUND", `${name} was not found: the import needs this client`, {
    hint: howToGet,
  });
}

/** Maven's message for a repository without checksums, which Maven treats as a failed check. */
const noSum = /no checksums available/i;
/** Messages of pip, Maven, npm and Go for bytes that differ from the registry's checksum. */
const wrongSum = /do not match the hashes|checksum validation failed|EINTEGRITY|checksum mismatch|SECURITY ERROR/i;

/** Messages of pip, Maven, npm and Go for a registry that nobody reaches. */
const unreached =
  /\b(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ENETUNREACH|EHOSTUNREACH|NewConnectionError)\b|name resolution|unknown host|no such host|connection refused|network is unreachable/i;

function cut(text: string): string {
  return text.length > maxQuotedLength ? `${text.slice(0, maxQuotedLength - 1)}…` : text;
}

/** The error for a failed client. @param what Names the requested thing. */
export function importFailed(
  { name }: Pick<ClientProgram, "name">,
  what: string,
  { output, exitCode }: ClientRun,
): OrasClientError {
  const said = output.split("\n").filter((line) => /error|fatal|fail|not found/i.test(line));
  const quoted = said.length > 0 ? cut(said.slice(0, 3).join(" ")) : output.trim().slice(-maxQuotedLength);
  const cause = new Error(`exit code ${exitCode}: ${quoted}`);
  if (noSum.test(output)) return sumMissing({ name }, what, cause);
  if (wrongSum.test(output)) return contentReplaced({ name }, what, cause);
  return new OrasClientError("IMPORT_FAILED", `${name} could not provide ${what}`, {
    cause,
    hint: said.some((line) => unreached.test(line))
      ? `check the network, the proxy, and the address in the configuration of ${name}: no connection was made`
      : `run ${name} by hand with the same name and version; the import uses its configuration and logins`,
  });
}

export function sumMissing({ name }: Pick<ClientProgram, "name">, what: string, cause?: Error): OrasClientError {
  return new OrasClientError("IMPORT_FAILED", `${name} refuses ${what}: the repository states no checksum`, {
    cause,
    hint: "ask the repository's operator to publish checksums, or use another repository",
  });
}

export function contentReplaced({ name }: Pick<ClientProgram, "name">, what: string, cause?: Error): OrasClientError {
  const message = `${name} refuses ${what}: the bytes do not match the stated checksum`;
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", message, {
    cause,
    hint: "ask the operator of the registry or mirror: the file or its checksum was replaced; nothing was imported",
  });
}

/** @param hint The right form, beginning with a verb. */
export function specInvalid(text: string, hint: string): UsageError {
  return new UsageError("USAGE_INVALID", `${JSON.stringify(text)} is not a valid source of an import`, { hint });
}
