/**
 * Environments of child processes.
 *
 * The user's environment holds secrets. A program gets only the variables that it is known to need, and never the
 * variables of buck2-oras.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Registry logins (`ORAS_TOKEN`, `ORAS_USER`, `ORAS_PASS`, `DOCKER_AUTH_CONFIG`) and settings of buck2-oras. */
const ours = /^(?:(?:BUCK2_)?ORAS_|DOCKER_AUTH_CONFIG$)/i;

/** Variables for every program, so that it runs as in a shell. A final `*` matches any ending. */
const common = [
  "PATH",
  "HOME",
  "USER",
  "LOGNAME",
  "TMPDIR",
  "TZ",
  "LANG",
  "LANGUAGE",
  "LC_*",
  "XDG_*",
  // Windows.
  "PATHEXT",
  "COMSPEC",
  "SYSTEMROOT",
  "SYSTEMDRIVE",
  "WINDIR",
  "USERPROFILE",
  "USERNAME",
  "USERDOMAIN",
  "HOMEDRIVE",
  "HOMEPATH",
  "APPDATA",
  "LOCALAPPDATA",
  "PROGRAMDATA",
  "PROGRAMFILES",
  "PROGRAMFILES(X86)",
  "TEMP",
  "TMP",
  "NUMBER_OF_PROCESSORS",
  "PROCESSOR_ARCHITECTURE",
  // Network access.
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NIX_SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
  // Keychains and agents with logins.
  "DBUS_SESSION_BUS_ADDRESS",
  "SSH_AUTH_SOCK",
  "NETRC",
  // Version managers, whose shims are on the PATH.
  "ASDF_DIR",
  "ASDF_DATA_DIR",
  "MISE_DATA_DIR",
  "PYENV_ROOT",
  "PYENV_VERSION",
  "VOLTA_HOME",
] as const;

/**
 * Filters the environment by an allow-list. Excludes above all variables that make a program run code or change its
 * result (`NODE_OPTIONS`, `PYTHONPATH`, `GOFLAGS`, `GIT_DIR`, `PIP_QUIET`).
 *
 * @param allowed Further variables of this program; a final `*` matches any ending.
 */
export function environmentFor(env: Environment, allowed: readonly string[]): Record<string, string> {
  const exact = new Set<string>();
  const starts: string[] = [];
  for (const name of [...common, ...allowed]) {
    if (name.endsWith("*")) starts.push(name.slice(0, -1).toUpperCase());
    else exact.add(name.toUpperCase());
  }
  // Case-insensitive: Windows ignores case, and proxies and npm's settings are written in both cases.
  return pick(env, (name) => exact.has(name.toUpperCase()) || starts.some((s) => name.toUpperCase().startsWith(s)));
}

/** Every variable but those of buck2-oras: for a program of the user that may read any variable. */
export function environmentWithoutOurs(env: Environment): Record<string, string> {
  return pick(env, () => true);
}

function pick(env: Environment, isAllowed: (name: string) => boolean): Record<string, string> {
  const picked: Record<string, string> = {};
  for (const [name, value] of Object.entries(env)) {
    if (value !== undefined && !ours.test(name) && isAllowed(name)) picked[name] = value;
  }
  return picked;
}
