/**
 * Docker's credential helpers: programs `docker-credential-NAME` that store logins in a keychain.
 *
 * @see github.com/docker/docker-credential-helpers, README, "Development"
 */
import { closeSync, constants, openSync, statSync } from "node:fs";
import { parse } from "node:path";
import * as v from "valibot";
import { environmentWithoutOurs } from "../child/environment.ts";
import { type Context, whileAwaiting } from "../context.ts";
import { ConfigurationError } from "../errors.ts";
import type { Credentials } from "../model/credentials.ts";

export interface Login {
  readonly username: string;
  readonly password: string;
}

type Action = "get" | "store" | "erase";

const answerSchema = v.object({ Username: v.string(), Secret: v.string() });
const maxAnswerBytes = 64 * 1024;
/** Enough for the last line of a helper's complaint. */
const maxStderrBytes = 4096;
const maxSaidLength = 300;
/** A keychain may prompt its owner. */
const timeoutMs = 60_000;
/** The user name that marks the secret as an identity token. */
const tokenUser = "<token>";

/** A registry's login in a helper's keychain. */
export interface KeychainEntry {
  /** NAME of `docker-credential-NAME`; comes from a configuration file. */
  readonly helper: string;
  /** The registry, as from `serverAddress`. */
  readonly server: string;
}

interface HelperCall {
  readonly helper: string;
  readonly action: Action;
  /** Written to the helper's stdin. */
  readonly input: string;
}

interface Ended {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** True if a helper can prompt a person; builds have no terminal. */
function hasTerminal(): boolean {
  try {
    closeSync(openSync("/dev/tty", constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOCTTY));
    return true;
  } catch {
    return false;
  }
}

/** The helper's working folder. A checkout is unsafe: shims of version managers read files of the working folder. */
function ownFolder({ homeDir }: Context): string {
  return statSync(homeDir, { throwIfNoEntry: false })?.isDirectory() === true ? homeDir : parse(homeDir).root;
}

/**
 * A helper is the user's own program and may need any variable (`AWS_PROFILE`, `GNUPGHOME`, `PASSWORD_STORE_DIR`).
 * Therefore it gets the whole environment except the variables of buck2-oras.
 *
 * @throws {Error} the helper cannot be started, takes too long, or writes too much
 */
async function run({ helper, action, input }: HelperCall, context: Context, signal: AbortSignal): Promise<Ended> {
  const request = {
    program: `docker-credential-${helper}`,
    args: [action],
    env: environmentWithoutOurs(context.env),
    cwd: ownFolder(context),
    input,
    maxStdoutBytes: maxAnswerBytes,
    maxStderrBytes,
    timeoutMs,
    runsIn: hasTerminal() ? "session" : "group",
    leavings: "stay",
  } as const;
  const { runChild } = await import("../child/run.ts");
  const { outcome, exitCode, stdout, stderr } = await runChild(request, signal);
  if (outcome !== "exited") throw new Error(`it ${outcome}`);
  return { exitCode, stdout, stderr };
}

function failed(helper: string, why: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError("CREDENTIAL_HELPER_FAILED", `authentication: docker-credential-${helper} ${why}`, {
    cause,
    hint:
      "install the helper and put it on the PATH (a build daemon has its own PATH), or remove it from " +
      "`credsStore` or `credHelpers` in the docker configuration (~/.docker/config.json, unless DOCKER_CONFIG is set)",
  });
}

/**
 * The error for a helper that ran and failed, with the last line of its stderr. Its stdout may hold a login.
 *
 * @param secret Never shown.
 */
function refused(helper: string, what: string, { exitCode, stderr }: Ended, secret?: string): ConfigurationError {
  const lines = stderr.split(/[\r\n]+/).filter((line) => line.trim() !== "");
  // A helper that echoes its input shows the secret as JSON has it.
  const secrets = secret === undefined ? [] : [secret, JSON.stringify(secret).slice(1, -1)];
  const shown = secrets.reduce((line, one) => line?.replaceAll(one, "[removed]"), lines.at(-1));
  const message = `authentication: docker-credential-${helper} ${what} (exit code ${exitCode})`;
  return new ConfigurationError("CREDENTIAL_HELPER_FAILED", message, {
    cause: shown === undefined ? undefined : new Error(`it said: ${shown.trim().slice(0, maxSaidLength)}`),
    hint:
      `try \`docker-credential-${helper} list\` by hand: the helper may need a login of its own, an unlocked keychain, ` +
      "or a variable that a build daemon does not have",
  });
}

async function ask(call: HelperCall, context: Context, signal: AbortSignal): Promise<Ended> {
  const { helper } = call;
  // The name comes from a file and becomes part of a program's name.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper))
    throw failed("…", `is not the name of a helper: ${JSON.stringify(helper)}`);
  try {
    // A constant text: the helper may prompt on the same terminal.
    const text = (): string => `asking docker-credential-${helper} …`;
    return await whileAwaiting(context.progress, text, () => run(call, context, signal));
  } catch (cause) {
    signal.throwIfAborted();
    throw failed(helper, "cannot be used", cause);
  }
}

/**
 * @returns `none` if the helper has no login for the registry.
 * @throws {ConfigurationError} `CREDENTIAL_HELPER_FAILED`; the error never contains the helper's stdout
 */
export async function getFromHelper(
  { helper, server }: KeychainEntry,
  context: Context,
  signal: AbortSignal,
): Promise<Credentials> {
  const ended = await ask({ helper, action: "get", input: server }, context, signal);
  const { stdout } = ended;
  if (ended.exitCode !== 0) {
    // Every helper prints these words on stdout for a missing login.
    if (/credentials not found/i.test(stdout)) return { kind: "none" };
    throw refused(helper, "failed", ended);
  }
  let json: unknown;
  try {
    json = JSON.parse(stdout);
  } catch {
    json = undefined;
  }
  const result = v.safeParse(answerSchema, json);
  if (!result.success) throw failed(helper, "did not answer with a login");
  const { Username: username, Secret: secret } = result.output;
  if (username === "" && secret === "") return { kind: "none" };
  return username === tokenUser ? { kind: "identity", token: secret } : { kind: "basic", username, password: secret };
}

/** @throws {ConfigurationError} `CREDENTIAL_HELPER_FAILED` */
export async function storeInHelper(
  { helper, server }: KeychainEntry,
  login: Login,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: login.username, Secret: login.password });
  const ended = await ask({ helper, action: "store", input }, context, signal);
  if (ended.exitCode !== 0) throw refused(helper, "could not store the login", ended, login.password);
}

/** Erases a login; a missing login is no error. @throws {ConfigurationError} `CREDENTIAL_HELPER_FAILED` */
export async function eraseFromHelper(
  { helper, server }: KeychainEntry,
  context: Context,
  signal: AbortSignal,
): Promise<void> {
  const ended = await ask({ helper, action: "erase", input: server }, context, signal);
  if (ended.exitCode !== 0 && !/credentials not found/i.test(ended.stdout)) {
    throw refused(helper, "could not erase the login", ended);
  }
}
