/**
 * Docker's credential helpers: programs `docker-credential-NAME` that keep logins in a keychain.
 *
 * @see github.com/docker/docker-credential-helpers, README, "Development"
 */
import { execFile } from "node:child_process";
import * as v from "valibot";
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

/** @throws {Error} it cannot be started, takes too long, or writes too much */
function run(program: string, action: Action, input: string, context: Context): Promise<Ended> {
  const options = { env: context.env, cwd: context.cwd, timeout: timeoutMs, maxBuffer: maxAnswerBytes } as const;
  return new Promise((resolve, reject) => {
    const child = execFile(program, [action], options, (error, stdout) => {
      if (error === null) resolve({ exitCode: 0, stdout });
      else if (typeof error.code === "number") resolve({ exitCode: error.code, stdout });
      // Without the message of Node's, which quotes what the program wrote.
      else reject(new Error(error.killed ? "it took too long" : `Node.js says ${error.code ?? error.signal}`));
    });
    // One that ends without reading is judged by how it ended.
    child.stdin?.on("error", () => {}).end(input);
  });
}

function failed(name: string, why: string, cause?: unknown): ConfigurationError {
  return new ConfigurationError("CREDENTIAL_HELPER_FAILED", `authentication: docker-credential-${name} ${why}`, {
    cause,
    hint: "install it and put it on the PATH (a build's daemon has a PATH of its own), or take it out of the docker configuration",
  });
}

async function ask(name: string, action: Action, input: string, context: Context): Promise<Ended> {
  // It becomes part of a program's name, and comes from a file.
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(name))
    throw failed("…", `is not the name of a helper: ${JSON.stringify(name)}`);
  try {
    return await run(`docker-credential-${name}`, action, input, context);
  } catch (cause) {
    throw failed(name, "cannot be used", cause);
  }
}

/**
 * @param server As `serverAddress` gives it.
 * @returns `none` when the helper has nothing for the registry.
 * @throws {ConfigurationError} `CREDENTIAL_HELPER_FAILED`; never with anything that the helper wrote
 */
export async function getFromHelper(name: string, server: string, context: Context): Promise<Credentials> {
  const { exitCode, stdout } = await ask(name, "get", server, context);
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
export async function storeInHelper(name: string, server: string, login: Login, context: Context): Promise<void> {
  const input = JSON.stringify({ ServerURL: server, Username: login.username, Secret: login.password });
  const { exitCode } = await ask(name, "store", input, context);
  if (exitCode !== 0) throw failed(name, `could not store the login: exit code ${exitCode}`);
}

/** What is not there is erased already. */
export async function eraseFromHelper(name: string, server: string, context: Context): Promise<void> {
  const { exitCode, stdout } = await ask(name, "erase", server, context);
  if (exitCode !== 0 && !/credentials not found/i.test(stdout)) {
    throw failed(name, `could not erase the login: exit code ${exitCode}`);
  }
}
