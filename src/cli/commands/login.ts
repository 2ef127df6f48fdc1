import type { Command } from "commander";
import type * as v from "valibot";
import { checkUsername, type LogoutResult, login, loginRegistry, logout } from "../../verbs/login.ts";
import type { CliIo, Session } from "../io.ts";
import { ask, type Question, readSecretFromStdin } from "../prompt.ts";
import { runCommand } from "../run.ts";
import type { loginSchema, logoutSchema } from "../schemas/machine.ts";
import type { Shown } from "../show.ts";

interface LoginOptions {
  readonly username?: string;
  readonly password?: string;
  readonly passwordStdin?: boolean;
}

/** The password of an option, of standard input or of the prompt. */
async function passwordOf(options: LoginOptions, question: Question, io: CliIo, session: Session): Promise<string> {
  if (options.passwordStdin) return await readSecretFromStdin(io);
  if (options.password === undefined) return await ask(question, io, session.run.signal);
  session.services.context.log.warn(
    "other users can read -p in the list of processes, and the shell keeps it in its history; use --password-stdin",
  );
  return options.password;
}

const withoutTerminal = "give --username USER and pipe the password into --password-stdin";

export function addLogin(program: Command, io: CliIo): Command {
  return program
    .command("login")
    .summary("store a login for a registry")
    .description(
      "Checks a login at a registry and stores the login where Docker does: in the credential helper that the " +
        "docker configuration names, else in the configuration file. Build actions read the login there. If the " +
        "registry asks for no login, the login is not sent, and is stored unchecked with a note. Names and the " +
        "default registry from a project's file are ignored here: a checkout could redirect the login.",
    )
    .argument(
      "[host]",
      "registry, or its name in your own configuration file (default: --registry or BUCK2_ORAS_REGISTRY)",
    )
    .option("-u, --username <user>", "user name (default: prompt on a terminal)")
    .option("-p, --password <password>", "password or access token; visible to others, so prefer --password-stdin")
    .option("--password-stdin", "read the password or access token from standard input (default: prompt on a terminal)")
    .action(async (host: string | undefined, options: LoginOptions, command: Command) =>
      runCommand(command, io, async (session) => {
        const { services, run } = session;
        const registry = loginRegistry(host, services);
        const forUser = {
          what: "username",
          prompt: `Username for ${registry}`,
          isSecret: false,
          hint: withoutTerminal,
        };
        const username = options.username ?? (await ask(forUser, io, run.signal));
        checkUsername(username, registry);
        const forPassword = {
          what: "password",
          prompt: `Password for ${username} at ${registry}`,
          isSecret: true,
          hint: withoutTerminal,
        };
        const password = await passwordOf(options, forPassword, io, session);
        const { isChecked, ...result } = await login({ registry, username, password }, services, run);
        const isFile = !result.keptIn.startsWith("docker-credential-");
        const stored = `Stored in ${result.keptIn}${isFile ? ", unencrypted; a credential helper would be safer" : ""}`;
        const unchecked = `${result.registry} asks for no login: the login was not checked`;
        return {
          text: `Logged in to ${result.registry} as ${result.username}`,
          notes: isChecked ? [stored] : [unchecked, stored],
          json: { ...result, checked: isChecked } satisfies v.InferOutput<typeof loginSchema>,
        };
      }),
    );
}

function showLogout({ registry, removedFrom, remainingIn }: LogoutResult): Shown {
  const isRemoved = removedFrom.length > 0;
  const left = `A login of ${registry} remains in ${remainingIn}: remove the login there`;
  const nothing = remainingIn === undefined ? `No login of ${registry} was stored` : left;
  return {
    text: isRemoved ? `Logged out of ${registry}` : nothing,
    notes: [
      ...removedFrom.map((place) => `Removed from ${place}`),
      ...(isRemoved && remainingIn !== undefined ? [left] : []),
    ],
    json: {
      registry,
      removedFrom: isRemoved ? removedFrom.join(", ") : null,
      remainingIn: remainingIn ?? null,
    } satisfies v.InferOutput<typeof logoutSchema>,
  };
}

export function addLogout(program: Command, io: CliIo): Command {
  return program
    .command("logout")
    .summary("remove the login of a registry")
    .description("Removes a login from the credential helper or file where `login` stores logins.")
    .argument(
      "[host]",
      "registry, or its name in your own configuration file (default: --registry or BUCK2_ORAS_REGISTRY)",
    )
    .action(async (host: string | undefined, _options: object, command: Command) =>
      runCommand(command, io, async ({ services, run }) => showLogout(await logout(host, services, run))),
    );
}
