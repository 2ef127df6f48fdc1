/** Where artifacts are: a repository of a registry, or a layout folder. */

/** A repository in a registry. */
export interface RegistryLocation {
  readonly kind: "registry";
  /** Host with its port, as in the URL: `ghcr.io`, `localhost:5000`. */
  readonly registry: string;
  /** Path below the host: `tools/protoc`. */
  readonly repository: string;
}

/** A folder in the OCI image layout. */
export interface LayoutLocation {
  readonly kind: "layout";
  /** As written. Relative to the working folder; in a lock file, relative to the lock file's folder. */
  readonly path: string;
}

export type Location = RegistryLocation | LayoutLocation;

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);

/** @see OCI distribution-spec v1.1.1, "Pulling manifests" */
export function isRepository(text: string): boolean {
  return repositoryPattern.test(text);
}

/** The text form of a location, without tag and digest. */
export function formatLocation(location: Location): string {
  if (location.kind === "registry") return `${location.registry}/${location.repository}`;
  // A UNC path: `oci://` would be a scheme.
  return `oci:${location.path.replace(/^\/\//, "\\\\")}`;
}
