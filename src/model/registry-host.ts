/** Registries' hosts: which text is a host, and which host stands at the beginning of a reference. */
import { UsageError } from "../errors.ts";
import { quoted } from "./reference-errors.ts";

const hostPattern =
  /^(?:\[[0-9a-fA-F:.]{2,45}\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]{1,5})?$/;

/**
 * True for a host whose text a URL parser keeps unchanged. `127.1`, `0x7f.0.0.1` and `[0::1]` are alternative spellings
 * of an address. Credentials and loopback rules compare the text, so the text must be the host of the connection.
 */
function isCanonicalHost(host: string): boolean {
  if (!URL.canParse(`https://${host}/`)) return false;
  const port = /:([0-9]+)$/.exec(host.replace(/^\[.*\]/, ""))?.[1];
  const name = port === undefined ? host : host.slice(0, -port.length - 1);
  return new URL(`https://${host}/`).hostname === name && !port?.startsWith("0");
}

/** The host of Docker Hub's registry. */
export const dockerHub = "registry-1.docker.io";
/** Names that clients replace by this host. */
const dockerHubNames: readonly string[] = ["docker.io", "index.docker.io"];
/** Hosts that give the same artifacts, or redirect to it. */
const dockerHubHosts: readonly string[] = [...dockerHubNames, "registry.docker.io", "registry.hub.docker.com"];

/**
 * One text for all names of a registry, to compare registries in rules: a rule for one name must not be escaped by another.
 * The text is no host to connect to.
 */
export function registryIdentity(registry: string): string {
  const host = registry.replace(/:(?:443|80)$/, "");
  return dockerHubHosts.includes(host) ? dockerHub : host;
}

export function isDockerHub(registry: string): boolean {
  return registryIdentity(registry) === dockerHub;
}

/**
 * Parses a host with an optional port and lower-cases it. `docker.io` and `index.docker.io` become Docker Hub's
 * registry host.
 */
export function parseRegistry(text: string): string {
  const host = text.toLowerCase();
  if (!hostPattern.test(host) || !isCanonicalHost(host)) {
    throw new UsageError("REFERENCE_INVALID", `${quoted(text)} is not a registry`, {
      hint: "write a host with an optional port, such as ghcr.io or localhost:5000, without https:// and without a path",
    });
  }
  return dockerHubNames.includes(host) ? dockerHub : host;
}

/** True if the first part of the path can only be a host: `localhost`, or text with a dot or a colon. */
export function namesRegistry(text: string): boolean {
  const slash = text.indexOf("/");
  const first = slash === -1 ? "" : text.slice(0, slash);
  return first === "localhost" || first.includes(".") || first.includes(":");
}

/**
 * The host at the beginning of a reference or template. Undefined for text without a host, where a default or a name
 * decides, and for a malformed host, which parsing reports.
 */
export function registryIn(text: string): string | undefined {
  if (text.startsWith("oci:") || !namesRegistry(text)) return undefined;
  const host = text.slice(0, text.indexOf("/")).toLowerCase();
  return hostPattern.test(host) && isCanonicalHost(host) ? parseRegistry(host) : undefined;
}

/** True for `ghcr.io` or `localhost:5000` alone; a name without a dot may be a repository with a tag. */
export function looksLikeHost(text: string): boolean {
  const [name = ""] = text.split(":");
  return hostPattern.test(text) && (name === "localhost" || name.includes("."));
}
