/** `login` and `logout`: a login is tried at the registry before it is kept, where the registry asks for one. */

import { type AuditServices, audited } from "../audit/audit.ts";
import type { Logins } from "../config/logins.ts";
import type { Settings } from "../config/settings.ts";
import { UsageError } from "../errors.ts";
import type { BasicCredentials } from "../model/credentials.ts";
import { parseRegistry } from "../model/reference.ts";
import { askingForbidden } from "../registry/offline.ts";
import type { Run } from "../transfer/run.ts";

export interface LoginServices extends AuditServices {
  readonly settings: Settings;
  readonly logins: Logins;
  /** False: the registry asks for no login. @throws {RegistryAuthError} the registry refuses the login */
  readonly checkLogin: (registry: string, credentials: BasicCredentials, signal: AbortSignal) => Promise<boolean>;
}

export interface LoginRequest {
  /** As {@link loginRegistry} gives it. */
  readonly registry: string;
  readonly username: string;
  readonly password: string;
}

export interface LoginResult {
  readonly registry: string;
  readonly username: string;
  /** Where the login is kept: a helper or a file. */
  readonly keptIn: string;
  /** The registry took it; false: the registry asks for no login where one can be tried. */
  readonly isChecked: boolean;
}

export interface LogoutResult {
  readonly registry: string;
  /** Where the login was kept: helpers and files; empty when there was none. */
  readonly removedFrom: readonly string[];
  /** A source that still gives a login of the registry, and is not ours to change. */
  readonly remainingIn: string | undefined;
}

/** A checkout could give a name that the user knows to a host of its own. */
function onlyOfProject(what: string, host: string): UsageError {
  return new UsageError("REGISTRY_NOT_NAMED", `${what}, and a login goes to no host that only a project names`, {
    hint: `if you mean ${host}, write it: \`buck2-oras login ${host}\` or \`buck2-oras logout ${host}\``,
  });
}

/**
 * The host that a login is for: one that the command line or a variable names, or the user's own file.
 *
 * @param registry A host, or a name of the configuration, as references begin with.
 * @throws {UsageError} `REGISTRY_NOT_NAMED`: none is named, or only the project's file says which
 */
export function loginRegistry(registry: string | undefined, { settings }: LoginServices): string {
  if (registry === undefined) {
    if (settings.ownRegistry !== undefined) return settings.ownRegistry;
    if (settings.registry !== undefined) {
      throw onlyOfProject(`the default registry is that of ${settings.foundIn.registry}`, settings.registry);
    }
    throw new UsageError("REGISTRY_NOT_NAMED", "no registry was named, and there is no default one", {
      hint: "write the host behind the command, such as `buck2-oras login HOST` or `buck2-oras logout HOST`",
    });
  }
  const named = settings.registries.get(registry);
  if (named === undefined) return parseRegistry(registry);
  const host = named.prefix.registry;
  if (!named.isOwn) throw onlyOfProject(`\`${registry}\` is a name of ${named.foundIn}`, host);
  return host;
}

function incomplete(registry: string): UsageError {
  return new UsageError("USAGE_INVALID", `a login at ${registry} needs a user and a password`, {
    hint: "give --username USER, and the password by --password-stdin or at the prompt",
  });
}

/** Checked before a password is asked for. @throws {UsageError} the name is empty, or has a colon */
export function checkUsername(username: string, registry: string): void {
  if (username === "") throw incomplete(registry);
  if (username.includes(":")) {
    throw new UsageError("USAGE_INVALID", "a user name has no colon", { hint: "RFC 7617: it ends at the first one" });
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
