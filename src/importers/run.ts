/** Runs an ecosystem's own client, with the user's configuration, so that private mirrors and logins work. */
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { stripVTControlCharacters } from "node:util";
import { environmentFor } from "../child/environment.ts";
import { type ChildEnd, runChild } from "../child/run.ts";
import { ContentVerificationError, isErrno, OrasClientError, UsageError } from "../errors.ts";
import type { ImporterServices } from "./source.ts";

export interface ClientProgram {
  /** As it is called. */
  readonly name: string;
  /** The way to install it, for a person. */
  readonly howToGet: string;
  /** Variables of the user's that it is given besides those that every program gets. */
  readonly variables: readonly string[];
}

export interface ClientRun {
  readonly exitCode: number;
  readonly stdout: string;
  /** Both streams, for what the client says of a failure. */
  readonly output: string;
}

/** Bytes of output; pip's output for a package with thousands of files is a few of them. */
const maxOutputBytes = 16 * 1024 * 1024;
const maxQuotedLength = 500;

/**
 * Where clients run: not in the working folder, which may be a checkout of anybody's, and with what ends their search for a project.
 * Else npm, Go and Maven would go on upwards, through the temporary folder, where everybody may write: `.npmrc` says where packages
 * come from, and what `.mvn/` names is run.
 */
async function makeFencedFolder(workDir: string): Promise<string> {
  const folder = join(workDir, "run");
  await mkdir(join(folder, ".mvn"), { recursive: true });
  await writeFile(join(folder, "package.json"), "{}\n");
  await writeFile(join(folder, "go.mod"), "module run\n");
  return folder;
}

export interface ClientCall {
  readonly args: readonly string[];
  /** Added to the variables of the user that the client gets. */
  readonly env: Readonly<Record<string, string>>;
}

/**
 * @throws {OrasClientError} `IMPORT_CLIENT_NOT_FOUND`
 */
export async function runClient(
  program: ClientProgram,
  { args, env }: ClientCall,
  { context, workDir }: ImporterServices,
  signal: AbortSignal,
): Promise<ClientRun> {
  context.log.debug(`${program.name} ${args.join(" ")}`);
  const request = {
    program: program.name,
    args,
    env: { ...environmentFor(context.env, program.variables), ...env },
    cwd: await makeFencedFolder(workDir),
    input: "",
    maxStdoutBytes: maxOutputBytes,
    maxStderrBytes: maxOutputBytes,
    timeoutMs: undefined,
    runsIn: "group",
    leavings: "end",
  } as const;
  let ended: ChildEnd;
  try {
    ended = await runChild(request, signal);
  } catch (cause) {
    signal.throwIfAborted();
    if (isErrno(cause, "ENOENT")) throw clientMissing(program);
    throw new OrasClientError("IMPORT_FAILED", `${program.name} cannot be started`, { cause, hint: program.howToGet });
  }
  const { exitCode, stdout, stderr } = ended;
  const run = { exitCode, stdout, output: stripVTControlCharacters(`${stdout}\n${stderr}`) };
  if (ended.outcome === "wrote too much") {
    throw new OrasClientError("IMPORT_FAILED", `${program.name} was ended: it wrote more than 16 MiB`, {
      hint: `try ${program.name} by hand with the same name and version`,
    });
  }
  return run;
}

export function clientMissing({ name, howToGet }: Pick<ClientProgram, "name" | "howToGet">): OrasClientError {
  return new OrasClientError("IMPORT_CLIENT_NOT_FOUND", `${name} was not found: it brings what is to be imported`, {
    hint: howToGet,
  });
}

/** Maven's words where the repository states no sum; Maven takes that for a failed check. */
const noSum = /no checksums available/i;
/** Words of pip, Maven, npm and Go for bytes that differ from their registry's sum. */
const wrongSum = /do not match the hashes|checksum validation failed|EINTEGRITY|checksum mismatch|SECURITY ERROR/i;

/** @param what Names the thing that could not be had. */
export function importFailed(
  { name }: Pick<ClientProgram, "name">,
  what: string,
  { output, exitCode }: ClientRun,
): OrasClientError {
  const said = output.split("\n").filter((line) => /error|fatal|fail|not found/i.test(line));
  const quoted = (said.length > 0 ? said.slice(0, 3).join(" ") : output.trim().slice(-maxQuotedLength)).slice(
    0,
    maxQuotedLength,
  );
  const cause = new Error(`exit code ${exitCode}: ${quoted}`);
  if (noSum.test(output)) return sumMissing({ name }, what, cause);
  if (wrongSum.test(output)) return contentReplaced({ name }, what, cause);
  return new OrasClientError("IMPORT_FAILED", `${name} could not bring ${what}`, {
    cause,
    hint: `try ${name} by hand with the same name and version; its own configuration and logins are used`,
  });
}

export function sumMissing({ name }: Pick<ClientProgram, "name">, what: string, cause?: Error): OrasClientError {
  return new OrasClientError("IMPORT_FAILED", `${name} refuses ${what}: its repository states no sum for it`, {
    cause,
    hint: "ask who runs the repository to publish checksums, or take the file from another one",
  });
}

export function contentReplaced({ name }: Pick<ClientProgram, "name">, what: string, cause?: Error): OrasClientError {
  const message = `${name} refuses ${what}: its bytes have another sum than is stated`;
  return new ContentVerificationError("IMPORT_CONTENT_INVALID", message, {
    cause,
    hint: "the file, or what states its sum, was replaced: nothing was imported; ask who runs the registry or mirror",
  });
}

/** @param hint What to write. */
export function specInvalid(text: string, hint: string): UsageError {
  return new UsageError("USAGE_INVALID", `${JSON.stringify(text)} does not name what to import`, { hint });
}
