/**
 * The environment of programs that we start.
 *
 * The user wrote it, and it holds his secrets: a program gets what it is known to need, and ours are nobody else's.
 */

export type Environment = Readonly<Record<string, string | undefined>>;

/** Logins for registries of ours (`ORAS_TOKEN`, `ORAS_USER`, `ORAS_PASS`), and our settings. */
const ours = /^(?:BUCK2_)?ORAS_/i;

/** Variables that every program gets, to run as it would by hand; a name ends with `*` where any ending will do. */
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
  // The way to the network.
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "ALL_PROXY",
  "NO_PROXY",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NIX_SSL_CERT_FILE",
  "CURL_CA_BUNDLE",
  // Keychains and agents that keep logins.
  "DBUS_SESSION_BUS_ADDRESS",
  "SSH_AUTH_SOCK",
  "NETRC",
  // Version managers, whose stand-ins for programs are on the PATH.
  "ASDF_DIR",
  "ASDF_DATA_DIR",
  "MISE_DATA_DIR",
  "PYENV_ROOT",
  "PYENV_VERSION",
  "VOLTA_HOME",
] as const;

/**
 * An allow-list: whatever is not on it stays here, above all what makes a program run code or give another result than it
 * would elsewhere (`NODE_OPTIONS`, `PYTHONPATH`, `GOFLAGS`, `GIT_DIR`, `PIP_QUIET`).
 *
 * @param allowed What this program needs besides; `*` at the end of a name stands for any ending.
 */
export function environmentFor(env: Environment, allowed: readonly string[]): Record<string, string> {
  const exact = new Set<string>();
  const starts: string[] = [];
  for (const name of [...common, ...allowed]) {
    if (name.endsWith("*")) starts.push(name.slice(0, -1).toUpperCase());
    else exact.add(name.toUpperCase());
  }
  // Without regard to case: so it is on Windows, and proxies and npm's settings are written in both.
  return pick(env, (name) => exact.has(name.toUpperCase()) || starts.some((s) => name.toUpperCase().startsWith(s)));
}

/** All but ours: for a program of the user's own that may read any variable. */
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
