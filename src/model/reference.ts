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
import { formatLocation, isRepository, type Location } from "./location.ts";
import type { PlatformString } from "./platform.ts";
import { invalidReference, quoted, refuseScheme, repositoryMissing } from "./reference-errors.ts";
import { dockerHub, looksLikeHost, namesRegistry, parseRegistry } from "./registry-host.ts";

/** A location with a tag, a manifest's digest, or both; the digest takes precedence. */
export interface Reference {
  readonly location: Location;
  readonly tag: string | undefined;
  readonly digest: Digest | undefined;
}

const tagPattern = /^[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}$/;
const placeholder = "{platform}";
const maxReferenceLength = 4096;

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
  if (tag === "") throw invalidReference(whole, "the tag after the colon is missing");
  if (tag !== undefined && !isTag(tag)) {
    throw invalidReference(whole, "a tag has up to 128 letters, digits, `_`, `.` and `-`");
  }
  return { name: colon === -1 ? beforeAt : beforeAt.slice(0, colon), tag, digest: digestText };
}

function parseLayout(text: string): Reference {
  const rest = text.slice("oci:".length);
  // A Windows path has a colon after the drive letter.
  const drive = /^[a-zA-Z]:(?=[\\/])/.exec(rest)?.[0] ?? "";
  const { name, tag, digest } = splitVersion(rest.slice(drive.length).replaceAll("\\", "/"), text);
  const path = drive + name;
  if (path === "") throw invalidReference(text, "`oci:` needs a folder");
  if (path.includes("\0")) throw invalidReference(text.replaceAll("\0", "\\0"), "a folder's name has no NUL");
  return { location: { kind: "layout", path }, tag, digest };
}

function registryNotNamed(text: string): UsageError {
  if (looksLikeHost(text)) return repositoryMissing(text, text);
  return new UsageError("REGISTRY_NOT_NAMED", `${quoted(text)} names no registry, and no default registry is set`, {
    hint: "write HOST/REPOSITORY:TAG, or set --registry HOST or BUCK2_ORAS_REGISTRY",
  });
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
  if (text.length > maxReferenceLength) throw invalidReference(text, `longer than ${maxReferenceLength} characters`);
  if (isTemplate(text)) {
    throw invalidReference(text, "a template needs a platform");
  }
  if (text === "") throw invalidReference(text, "the text is empty; a variable in the command may be unset");
  refuseScheme(text);
  if (text.startsWith("oci:")) return parseLayout(text);

  const slash = text.indexOf("/");
  const namesHost = namesRegistry(text);
  const version = splitVersion(namesHost ? text.slice(slash + 1) : text, text);
  const { tag, digest } = version;
  let repository = version.name;
  if (namesHost && version.name === "") throw repositoryMissing(text, text.slice(0, slash));
  if (!isRepository(repository) || repository.length > 255) {
    throw invalidReference(
      text,
      "a repository has lower-case letters, digits and single `.`, `_`, `-`, `/` between them",
    );
  }
  const registry = namesHost ? parseRegistry(text.slice(0, slash)) : defaultRegistry;
  if (registry === undefined) throw registryNotNamed(text);
  // Docker Hub keeps its official images under library/.
  if (registry === dockerHub && !repository.includes("/")) repository = `library/${repository}`;
  return { location: { kind: "registry", registry, repository }, tag, digest };
}

/** The canonical text of a reference; `parseReference` returns an equal reference. */
export function formatReference(reference: Reference): string {
  const tag = reference.tag === undefined ? "" : `:${reference.tag}`;
  const digest = reference.digest === undefined ? "" : `@${reference.digest}`;
  return `${formatLocation(reference.location)}${tag}${digest}`;
}
