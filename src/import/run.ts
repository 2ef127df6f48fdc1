/** Runs an ecosystem's own client, with the user's configuration, so that private mirrors and logins work. */
import { execFile } from "node:child_process";
import { stripVTControlCharacters } from "node:util";
import { ContentVerificationError, isErrno, OrasClientError, UsageError } from "../errors.ts";
import type { ImportDeps } from "./source.ts";

export interface ClientProgram {
  /** As it is called. */
  readonly name: string;
  /** What a person does to get it. */
  readonly howToGet: string;
}

export interface ClientRun {
  readonly exitCode: number;
  readonly stdout: string;
  /** Both streams, for what the client says of a failure. */
  readonly output: string;
}

const maxOutputBytes = 16 * 1024 * 1024;
const maxQuotedLength = 500;

/** @throws {OrasClientError} `IMPORT_CLIENT_NOT_FOUND` */
export async function runClient(
  program: ClientProgram,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  { context, workDir }: ImportDeps,
  signal: AbortSignal,
): Promise<ClientRun> {
  context.log.debug(`${program.name} ${args.join(" ")}`);
  const options = { cwd: workDir, env: { ...context.env, ...env }, maxBuffer: maxOutputBytes, signal } as const;
  return await new Promise((resolve, reject) => {
    const child = execFile(program.name, args, options, (error, stdout, stderr) => {
      if (signal.aborted) return reject(signal.reason);
      if (isErrno(error, "ENOENT")) return reject(clientMissing(program));
      const exitCode = error === null ? 0 : typeof error.code === "number" ? error.code : 1;
      resolve({ exitCode, stdout, output: stripVTControlCharacters(`${stdout}\n${stderr}`) });
    });
    child.stdin?.end();
  });
}

export function clientMissing({ name, howToGet }: ClientProgram): OrasClientError {
  return new OrasClientError("IMPORT_CLIENT_NOT_FOUND", `${name} was not found: it brings what is to be imported`, {
    hint: howToGet,
  });
}

/** What Maven says where the repository states no sum, which it then takes for a failed check. */
const noSum = /no checksums available/i;
/** What pip, Maven, npm and Go say of bytes that are not those that their registry states. */
const wrongSum = /do not match the hashes|checksum validation failed|EINTEGRITY|checksum mismatch|SECURITY ERROR/i;

/** @param what Names the thing that could not be had. */
export function importFailed({ name }: ClientProgram, what: string, { output, exitCode }: ClientRun): OrasClientError {
  const said = output.split("\n").filter((line) => /error|fatal|fail|not found/i.test(line));
  const quoted = (said.length > 0 ? said.slice(0, 3).join(" ") : output.trim().slice(-maxQuotedLength)).slice(
    0,
    maxQuotedLength,
  );
  const cause = new Error(`exit code ${exitCode}: ${quoted}`);
  if (noSum.test(output)) {
    return new OrasClientError("IMPORT_FAILED", `${name} refuses ${what}: its repository states no sum for it`, {
      cause,
      hint: "ask who runs the repository to publish checksums, or take the file from another one",
    });
  }
  if (wrongSum.test(output)) {
    return new ContentVerificationError(
      "IMPORT_CONTENT_INVALID",
      `${name} refuses ${what}: its bytes have another sum than is stated`,
      {
        cause,
        hint: "the file, or what states its sum, was replaced: nothing was imported; ask who runs the registry or mirror",
      },
    );
  }
  return new OrasClientError("IMPORT_FAILED", `${name} could not bring ${what}`, {
    cause,
    hint: `try ${name} by hand with the same name and version; its own configuration and logins are used`,
  });
}

/** @param hint What to write. */
export function specInvalid(text: string, hint: string): UsageError {
  return new UsageError("USAGE_INVALID", `${JSON.stringify(text)} does not name what to import`, { hint });
}
