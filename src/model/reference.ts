/**
 * References: the text that names an artifact, and its parsed form.
 *
 * Forms: `host/repo:tag`, `host/repo@sha256:…`, `repo:tag` (the default registry), `oci:DIR:tag` and `oci:DIR@sha256:…`
 * (an OCI image layout folder). A template has `{platform}` anywhere after the host.
 *
 * @see OCI distribution-spec v1.1.1, "Pulling manifests", for the grammar of names and tags
 */
import { UsageError } from "../errors.ts";
import { type Digest, isDigest } from "./digest.ts";
import type { PlatformString } from "./platform.ts";

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

/** A location with a tag, a manifest's digest, or both; the digest takes precedence. */
export interface Reference {
  readonly location: Location;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const component = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const repositoryPattern = new RegExp(`^${component}(?:/${component})*$`);
const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const hostPattern =
  /^(?:\[[0-9a-fA-F:.]{2,45}\]|[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::[0-9]{1,5})?$/;
const placeholder = "{platform}";
const maxReferenceLength = 4096;

const maxQuotedLength = 300;

/**
 * A reference as typed, for logs and messages. A user and password, as in a URL, are masked; the length is bounded.
 */
export function withoutLogin(text: string, maxLength: number): string {
  const scheme = /^[a-z][a-z0-9+.-]*:\/\//i.exec(text)?.[0] ?? "";
  const rest = text.slice(scheme.length);
  const isLayout = text.startsWith("oci:") && scheme === "";
  const at = isLayout ? -1 : endOfLogin(rest, scheme !== "");
  const masked = at === -1 ? text : `${scheme}***${rest.slice(at)}`;
  return masked.length <= maxLength ? masked : `${masked.slice(0, maxLength - 1)}…`;
}

/**
 * Index of the last `@` that does not begin a digest, or -1. A digest follows a repository; no slash follows a digest.
 */
function endOfLogin(text: string, isUrl: boolean): number {
  const at = text.replace(/@sha[0-9]+:[^@/]*$/i, "").lastIndexOf("@");
  const isDigest = !isUrl && text.slice(0, Math.max(0, at)).includes("/") && !text.slice(at).includes("/");
  return isDigest ? -1 : at;
}

function quoted(text: string): string {
  return JSON.stringify(withoutLogin(text, maxQuotedLength));
}

const forms = "write HOST/REPOSITORY:TAG, HOST/REPOSITORY@sha256:…, or oci:DIR:TAG";

function invalid(text: string, why: string, hint = forms): UsageError {
  return new UsageError("REFERENCE_INVALID", `${quoted(text)} is not a reference: ${why}`, { hint });
}

/** `oci://` as Helm and Flux write a registry's reference, `docker://` as skopeo does, or an address. */
const schemePattern = /^[a-z][a-z0-9+.-]*:\/\//i;

/** @throws {UsageError} the text begins with a scheme; the hint has the reference to write */
export function refuseScheme(text: string): void {
  const scheme = schemePattern.exec(text)?.[0];
  if (scheme === undefined) return;
  // Masked with its scheme: only then is everything before the last `@` a login.
  const rest = withoutLogin(text, maxQuotedLength).slice(scheme.length).replace("***@", "");
  const isLayout = /^oci:/i.test(scheme);
  const folder = isLayout
    ? `; a layout folder is oci:DIR, such as oci:${rest.startsWith("/") ? rest : `./${rest}`}`
    : "";
  const isWritable = /^[^/]+\/[^/]/.test(rest) && !rest.includes("://");
  const hint = `${isWritable ? `write ${rest}` : forms}${folder}`;
  throw invalid(text, "a reference has no scheme", hint);
}

/** @see OCI distribution-spec v1.1.1, "Pulling manifests" */
export function isTag(text: string): boolean {
  return tagPattern.test(text);
}

/** True for text that contains `{platform}`. */
export function isTemplate(text: string): boolean {
  return text.includes(placeholder);
}

/** Replaces every `{platform}` by the platform string. */
export function expandTemplate(text: string, platform: PlatformString): string {
  return text.replaceAll(placeholder, platform);
}

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
  return host === "docker.io" || host === "index.docker.io" ? "registry-1.docker.io" : host;
}

/** A registry, and the first path components of repositories in the registry. */
export interface RepositoryPrefix {
  readonly registry: string;
  /** Empty for the whole registry. */
  readonly repository: string;
}

/**
 * Parses `HOST` or `HOST/REPOSITORY`.
 *
 * @throws {UsageError} `REFERENCE_INVALID`
 */
export function parseRepositoryPrefix(text: string): RepositoryPrefix {
  const slash = text.indexOf("/");
  const registry = parseRegistry(slash === -1 ? text : text.slice(0, slash));
  const repository = slash === -1 ? "" : text.slice(slash + 1);
  if (repository === "" ? slash !== -1 : !repositoryPattern.test(repository)) {
    throw invalid(text, "a prefix is a host and the first parts of a repository");
  }
  return { registry, repository };
}

/** @returns The repository's path below the prefix, empty for the prefix itself; undefined for a location elsewhere. */
export function belowPrefix(location: RegistryLocation, prefix: RepositoryPrefix): string | undefined {
  if (location.registry !== prefix.registry) return undefined;
  if (prefix.repository === "") return location.repository;
  if (location.repository === prefix.repository) return "";
  return location.repository.startsWith(`${prefix.repository}/`)
    ? location.repository.slice(prefix.repository.length + 1)
    : undefined;
}

/**
 * Splits `name[:tag][@digest]`; the tag follows the first colon after the last slash.
 *
 * @param whole The reference as typed, for messages.
 */
function splitVersion(
  text: string,
  whole: string,
): { name: string; tag: string | undefined; digest: Digest | undefined } {
  const at = text.indexOf("@");
  const digestText = at === -1 ? undefined : text.slice(at + 1);
  if (digestText !== undefined && !isDigest(digestText)) {
    throw new UsageError("DIGEST_INVALID", `${quoted(whole)} has a malformed digest`, {
      hint: "write `sha256:` and 64 lower-case hex digits after the @",
    });
  }
  const beforeAt = at === -1 ? text : text.slice(0, at);
  const colon = beforeAt.indexOf(":", beforeAt.lastIndexOf("/") + 1);
  const tag = colon === -1 ? undefined : beforeAt.slice(colon + 1);
  if (tag === "") throw invalid(whole, "the tag after the colon is missing");
  if (tag !== undefined && !isTag(tag)) {
    throw invalid(whole, "a tag has up to 128 letters, digits, `_`, `.` and `-`");
  }
  return { name: colon === -1 ? beforeAt : beforeAt.slice(0, colon), tag, digest: digestText };
}

function parseLayout(text: string): Reference {
  const rest = text.slice("oci:".length);
  // A Windows path has a colon after the drive letter.
  const drive = /^[a-zA-Z]:(?=[\\/])/.exec(rest)?.[0] ?? "";
  const { name, tag, digest } = splitVersion(rest.slice(drive.length).replaceAll("\\", "/"), text);
  const path = drive + name;
  if (path === "") throw invalid(text, "`oci:` needs a folder");
  if (path.includes("\0")) throw invalid(text.replaceAll("\0", "\\0"), "a folder's name has no NUL");
  return { location: { kind: "layout", path }, tag, digest };
}

function namesRegistry(text: string): boolean {
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
function looksLikeHost(text: string): boolean {
  const [name = ""] = text.split(":");
  return hostPattern.test(text) && (name === "localhost" || name.includes("."));
}

function repositoryMissing(text: string, host: string): UsageError {
  return new UsageError("REFERENCE_INVALID", `${quoted(text)} names a registry but no repository`, {
    hint: `write ${host}/REPOSITORY, or ${host}/REPOSITORY:TAG for one artifact`,
  });
}

function registryNotNamed(text: string): UsageError {
  if (looksLikeHost(text)) return repositoryMissing(text, text);
  return new UsageError("REGISTRY_NOT_NAMED", `${quoted(text)} names no registry, and no default registry is set`, {
    hint: "write HOST/REPOSITORY:TAG, or set --registry HOST or BUCK2_ORAS_REGISTRY",
  });
}

/**
 * Replaces the name at the beginning of a reference or template by its prefix. Other text is returned unchanged.
 *
 * @param prefixes Keyed by name.
 */
export function expandName(text: string, prefixes: ReadonlyMap<string, RepositoryPrefix>): string {
  const slash = text.indexOf("/");
  const prefix = slash === -1 || text.startsWith("oci:") ? undefined : prefixes.get(text.slice(0, slash));
  if (prefix === undefined) return text;
  const { registry, repository } = prefix;
  return [registry, ...(repository === "" ? [] : [repository]), text.slice(slash + 1)].join("/");
}

/**
 * Prepends the default registry to a reference or template without a registry.
 *
 * @throws {UsageError} `REGISTRY_NOT_NAMED`
 */
export function qualifyReference(text: string, defaultRegistry: string | undefined): string {
  if (text.startsWith("oci:") || namesRegistry(text)) return text;
  if (defaultRegistry === undefined) throw registryNotNamed(text);
  return `${defaultRegistry}/${text}`;
}

/**
 * Parses a reference. A reference without tag and digest has neither; `list` takes such a reference, and `pull` asks
 * for `latest`.
 *
 * @param defaultRegistry Host for a reference without a registry; undefined makes such a reference an error.
 * @throws {UsageError} `REFERENCE_INVALID`, `DIGEST_INVALID`, `REGISTRY_NOT_NAMED`
 */
export function parseReference(text: string, defaultRegistry: string | undefined): Reference {
  if (text.length > maxReferenceLength) throw invalid(text, `longer than ${maxReferenceLength} characters`);
  if (isTemplate(text)) {
    throw invalid(text, "a template needs a platform");
  }
  if (text === "") throw invalid(text, "the text is empty; a variable in the command may be unset");
  refuseScheme(text);
  if (text.startsWith("oci:")) return parseLayout(text);

  const slash = text.indexOf("/");
  const namesHost = namesRegistry(text);
  const version = splitVersion(namesHost ? text.slice(slash + 1) : text, text);
  const { tag, digest } = version;
  let repository = version.name;
  if (namesHost && version.name === "") throw repositoryMissing(text, text.slice(0, slash));
  if (!repositoryPattern.test(repository) || repository.length > 255) {
    throw invalid(text, "a repository has lower-case letters, digits and single `.`, `_`, `-`, `/` between them");
  }
  const registry = namesHost ? parseRegistry(text.slice(0, slash)) : defaultRegistry;
  if (registry === undefined) throw registryNotNamed(text);
  // Docker Hub keeps its official images under library/.
  if (registry === "registry-1.docker.io" && !repository.includes("/")) repository = `library/${repository}`;
  return { location: { kind: "registry", registry, repository }, tag, digest };
}

/** The text form of a location, without tag and digest. */
export function formatLocation(location: Location): string {
  if (location.kind === "registry") return `${location.registry}/${location.repository}`;
  // A UNC path: `oci://` would be a scheme.
  return `oci:${location.path.replace(/^\/\//, "\\\\")}`;
}

/** The canonical text of a reference; `parseReference` returns an equal reference. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${formatLocation(reference.location)}${tag}${digest}`;
}
