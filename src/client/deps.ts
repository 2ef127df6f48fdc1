/** What the use cases work with; put together in `compose.ts`, and by tests. */
import type { Logins } from "../config/logins.ts";
import type { BasicCredentials } from "../model/credentials.ts";
import type { RegistryLocation } from "../model/reference.ts";
import type { RegistryProbe } from "../registry/probe.ts";
import type { ArtifactDeps } from "./artifact-deps.ts";

export interface VerbDeps extends ArtifactDeps {
  /** What only `doctor` asks of a registry. */
  readonly probe: (location: RegistryLocation) => RegistryProbe;
  /** Fetches a file over http, verified; nothing is kept when it is another one. */
  readonly download: (url: URL, sha256: string, path: string, signal: AbortSignal) => Promise<void>;
  readonly logins: Logins;
  /** False: the registry asks for no login. @throws {RegistryAuthError} the registry refuses the login */
  readonly checkLogin: (registry: string, credentials: BasicCredentials, signal: AbortSignal) => Promise<boolean>;
}
