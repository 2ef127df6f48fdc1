/**
 * Docker's credential helpers: programs `docker-credential-NAME` that keep logins in a keychain.
 *
 * @see github.com/docker/docker-credential-helpers, README, "Development"
 */
import { closeSync, constants, openSync, statSync } from "node:fs";
import { parse } from "node:path";
import * as v from "valibot";
import { environmentWithoutOurs } from "../child/environment.ts";
import { runChild } from "../child/run.ts";
import type { Context } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import type { Credentials } from "../model/credentials.ts";

export interface Login {
  readonly username: string;
  readonly password: string;
}

type Action = "get" | "store" | "erase";

const answerSchema = v.object({ Username: v.string(), Secret: v.string() });
const maxAnswerBytes = 64 * 1024;
/** A keychain may ask its owner first. */
const timeoutMs = 60_000;
/** The user name that says that the secret is an identity token. */
const tokenUser = "<token>";

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
}

/** True where a helper may ask a person; builds have no terminal. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/** Not the working folder, which may be a checkout: a version manager's stand-in for a program reads files of where it runs. */
function ownFolder({ homeDir }: Context): string {
  return statSync(homeDir, { throwIfNoEntry: false })?.isDirectory() === true ? homeDir : parse(homeDir).root;
}

/**
 * It is the user's own program and may read any variable of his (`AWS_PROFILE`, `GNUPGHOME`, `PASSWORD_STORE_DIR`), so it gets
 * them all but ours, which it has no use for.
 *
 * @throws {Error} it cannot be started, takes too long, or writes too much
 */
async function run(
  program: string,
  action: Action,
  input: string,
  context: Context,
  signal: AbortSignal,
): Promise<Ended> {
  const request = {
    program,
    args: [action],
    env: environmentWithoutOurs(context.env),
    cwd: ownFolder(context),
    input,
    maxStdoutBytes: maxAnswerBytes,
    maxStderrBytes: 0,
    timeoutMs,
    runsIn: hasTerminal() ? "session" : "group",
    leavings: "stay",
  } as const;
  const { outcome, exitCode, stdout } = await runChild(request, signal);
  if (outcome !== "exited") throw new Error(`it ${outcome}`);
  return { exitCode, stdout };
}

function failed(name: string, why: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError("CREDENTIAL_HELPER_FAILED", `authentication: docker-credential-${name} ${why}`, {
    cause,
    hint: "install it and put it on the PATH (a build's daemon has a PATH of its own), or take it out of the docker configuration",
  });
}

async function ask(name: string, action: Action, input: string, context: Context, signal: AbortSignal): Promise<Ended> {
  // It becomes part of a program's name, and comes from a file.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw failed("…", `is not the name of a helper: ${JSON.stringify(name)}`);
  try {
    return await run(`docker-credential-${name}`, action, input, context, signal);
  } catch (cause) {
    signal.throwIfAborted();
    throw failed(name, "cannot be used", cause);
  }
}

/**
 * @param server As `serverAddress` gives it.
 * @returns `none` when the helper has nothing for the registry.
 * @throws {ConfigurationError} `CREDENTIAL_HELPER_FAILED`; never with anything that the helper wrote
 */
export async function getFromHelper(
  name: string,
  server: string,
  context: Context,
  signal: AbortSignal,
): Promise<Credentials> {
  const { exitCode, stdout } = await ask(name, "get", server, context, signal);
  if (exitCode !== 0) {
    // Helpers say this on stdout, in these words, whatever keychain they use.
    if (/credentials not found/i.test(stdout)) return { kind: "none" };
    throw failed(name, `failed with exit code ${exitCode}`);
  }
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    json = undefined;
  }
  const result = v.safeParse(answerSchema, json);
  if (!result.success) throw failed(name, "did not answer with a login");
  const { Username: username, Secret: secret } = result.output;
  if (username === "" && secret === "") return { kind: "none" };
  return username === tokenUser ? { kind: "identity", token: secret } : { kind: "basic", username, password: secret };
}

/** @throws {ConfigurationError} `CREDENTIAL_HELPER_FAILED` */
export async function storeInHelper(
  name: string,
  server: string,
  login: Login,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: login.username, Secret: login.password });
  const { exitCode } = await ask(name, "store", input, context, signal);
  if (exitCode !== 0) throw failed(name, `could not store the login: exit code ${exitCode}`);
}

/** A login that is not there is erased already. */
export async function eraseFromHelper(
  name: string,
  server: string,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const { exitCode, stdout } = await ask(name, "erase", server, context, signal);
  if (exitCode !== 0 && !/credentials not found/i.test(stdout)) {
    throw failed(name, `could not erase the login: exit code ${exitCode}`);
  }
}
