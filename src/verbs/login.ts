/** `login` and `logout`. If the registry asks for a login, `login` checks the login there before storing. */

import { type AuditServices, audited } from "../audit/audit.ts";
import type { Logins } from "../config/logins.ts";
import type { Settings } from "../config/settings.ts";
import { UsageError } from "../errors.ts";
import type { BasicCredentials } from "../model/credentials.ts";
import { parseRegistry } from "../model/registry-host.ts";
import { askingForbidden } from "../registry/offline.ts";
import type { Run } from "../transfer/run.ts";

export interface LoginServices extends AuditServices {
  readonly settings: Settings;
  readonly logins: Logins;
  /** False if the registry asks for no login. @throws {RegistryAuthError} the registry refuses the login */
  readonly checkLogin: (registry: string, credentials: BasicCredentials, signal: AbortSignal) => Promise<boolean>;
}

export interface LoginRequest {
  /** Result of {@link loginRegistry}. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

export interface LoginResult {
  readonly registry: string;
  readonly username: string;
  /** Credential helper or file that stores the login. */
  readonly keptIn: string;
  /** True: the registry accepted the login. False: the registry asks for no login. */
  readonly isChecked: boolean;
}

export interface LogoutResult {
  readonly registry: string;
  /** Credential helpers and files that stored the login; empty without a login. */
  readonly removedFrom: readonly string[];
  /** Source of a remaining login that `logout` does not change: a variable, or another client's file. */
  readonly remainingIn: string | undefined;
}

/** Refusal of a host from the project's file: a checkout could map a familiar name to its own host. */
function onlyOfProject(what: string, host: string): UsageError {
  return new UsageError("REGISTRY_NOT_NAMED", `${what}, and a login never goes to a host that only a project names`, {
    hint: `write the host if you mean ${host}: \`buck2-oras login ${host}\` or \`buck2-oras logout ${host}\``,
  });
}

/**
 * Host of a login, from the command line, a variable or the user's own file.
 *
 * @param registry Host, or name of a registry in the configuration.
 * @throws {UsageError} `REGISTRY_NOT_NAMED`: no host is named, or only the project's file names the host
 */
export function loginRegistry(registry: string | undefined, { settings }: LoginServices): string {
  if (registry === undefined) {
    if (settings.ownRegistry !== undefined) return settings.ownRegistry;
    if (settings.registry !== undefined) {
      throw onlyOfProject(`the default registry comes from ${settings.foundIn.registry}`, settings.registry);
    }
    throw new UsageError("REGISTRY_NOT_NAMED", "no registry was named, and no default registry is set", {
      hint: "write the host after the command: `buck2-oras login HOST` or `buck2-oras logout HOST`",
    });
  }
  const named = settings.registries.get(registry);
  if (named === undefined) return parseRegistry(registry);
  const host = named.prefix.registry;
  if (!named.isOwn) throw onlyOfProject(`\`${registry}\` is defined in ${named.foundIn}`, host);
  return host;
}

function incomplete(registry: string): UsageError {
  return new UsageError("USAGE_INVALID", `a login at ${registry} needs a user name and a password`, {
    hint: "give --username USER, and the password by --password-stdin or at the prompt",
  });
}

/** Checks the user name before the prompt for a password. @throws {UsageError} for an empty name or a colon */
export function checkUsername(username: string, registry: string): void {
  if (username === "") throw incomplete(registry);
  if (username.includes(":")) {
    throw new UsageError("USAGE_INVALID", "a user name cannot contain a colon", {
      hint: "check --username: the name ends at the first colon (RFC 7617)",
    });
  }
}

/**
 * @throws {RegistryAuthError} the registry refuses the login; nothing was stored
 * @throws {UsageError} an empty name or password
 */
export async function login(request: LoginRequest, services: LoginServices, run: Run): Promise<LoginResult> {
  return await audited(
    { operation: "login", reference: request.registry },
    services,
    () => tryAndStore(request, services, run),
    () => ({}),
  );
}

async function tryAndStore(request: LoginRequest, services: LoginServices, run: Run): Promise<LoginResult> {
  const { registry, username, password } = request;
  checkUsername(username, registry);
  if (password === "") throw incomplete(registry);
  if (services.settings.isOffline) throw askingForbidden(`for a login at ${registry}`);
  const isChecked = await services.checkLogin(registry, { kind: "basic", username, password }, run.signal);
  return {
    registry,
    username,
    keptIn: await services.logins.store(registry, { username, password }, run.signal),
    isChecked,
  };
}

export async function logout(registry: string | undefined, services: LoginServices, run: Run): Promise<LogoutResult> {
  return await audited(
    { operation: "logout", reference: registry ?? "" },
    services,
    () => erase(registry, services, run),
    () => ({}),
  );
}

async function erase(registry: string | undefined, services: LoginServices, run: Run): Promise<LogoutResult> {
  const name = loginRegistry(registry, services);
  return { registry: name, ...(await services.logins.erase(name, run.signal)) };
}
