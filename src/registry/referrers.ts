/**
 * Referrers of a manifest: by the referrers API, or by the fallback tag for registries without this API.
 *
 * @see OCI distribution-spec v1.1.1, "Listing Referrers" and "Referrers Tag Schema"
 */
import type { Context } from "../context.ts";
import { RegistryUnavailableError } from "../errors.ts";
import type { HttpResponse } from "../http/response.ts";
import { type Digest, digestHex, digestOf } from "../model/digest.ts";
import {
  type Annotations,
  type Descriptor,
  type ImageIndex,
  maxManifestBytes,
  mediaTypeOf,
  mediaTypes,
  parseManifest,
} from "../model/manifest.ts";
import { oneAtATime } from "../parallel.ts";
import type { RegistryApi } from "./api.ts";
import { bytesBody } from "./body.ts";
import { nextPage } from "./link.ts";

const maxPages = 100;
/** Limit over all pages; real manifests have a handful. */
const maxReferrers = 10_000;
const maxWrites = 10;
/** Other writers of the list are taken to need as long as this process, and at least this long. */
const minWriteMs = 25;
const maxWaitMs = 10_000;

type Waiting = Pick<Context, "now" | "random" | "sleep">;

/**
 * Answers of registries and of proxies before them that do not know the API: the specification says 404, and each of
 * the others was met. A repository that may not be read refuses the fallback tag as well.
 */
const missingApiStatuses: ReadonlySet<number> = new Set([400, 403, 404, 405, 406, 501]);

/** The tag of the list of referrers, where a registry has no API. */
export function fallbackTag(digest: Digest): string {
  return `sha256-${digestHex(digest)}`;
}

function isIndex(contentType: string | undefined): boolean {
  return contentType?.split(";", 1)[0]?.trim().toLowerCase() === mediaTypes.ociIndex;
}

function manifestsOf(bytes: Uint8Array, origin: string): readonly Descriptor[] {
  const parsed = parseManifest(bytes, mediaTypes.ociIndex, origin);
  return parsed.kind === "index" ? parsed.manifests : [];
}

function tooMany(name: string, limit: string): RegistryUnavailableError {
  return new RegistryUnavailableError("PAGINATION_REFUSED", `the referrers of ${name} are more than ${limit}`);
}

function tagTaken({ digest, name }: Subject): RegistryUnavailableError {
  return new RegistryUnavailableError(
    "REGISTRY_REFUSED",
    `the tag ${fallbackTag(digest)}, which lists the referrers of ${name}, is an artifact's`,
    { hint: "delete the tag if nobody needs its artifact; `copy --no-referrers` copies an artifact alone" },
  );
}

function tagIsSubject({ digest, name }: Subject): RegistryUnavailableError {
  return new RegistryUnavailableError(
    "REGISTRY_REFUSED",
    `${name} cannot list referrers: its registry has no referrers API, and the tag ${fallbackTag(digest)} is the artifact itself`,
    { hint: "use a registry with the referrers API; `copy --no-referrers` copies an artifact alone" },
  );
}

/** A manifest that others refer to. */
export interface Subject {
  readonly digest: Digest;
  /** Names the manifest or its repository in messages. */
  readonly name: string;
}

/** A pushed manifest that refers to a subject. */
interface Referrer {
  readonly bytes: Uint8Array;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly annotations: Annotations;
}

/** True for an answer of a registry without the API to the first page; the answer of a later page is never that. */
function isMissingApi(response: HttpResponse): boolean {
  return (
    missingApiStatuses.has(response.status) || (response.status === 200 && !isIndex(response.header("content-type")))
  );
}

/** @returns undefined for a registry without the API. */
async function fromApi(
  { digest, name }: Subject,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<readonly Descriptor[] | undefined> {
  const found: Descriptor[] = [];
  let page: URL | undefined = api.url(`referrers/${digest}`);
  for (let pages = 0; page !== undefined; pages += 1) {
    if (pages >= maxPages) throw tooMany(name, `${maxPages} pages`);
    const response = await api.call({ method: "GET", url: page, bufferBytes: maxManifestBytes, signal }, "pull");
    // Later pages exist, or page 1 would not name them: their loss is an error.
    const isMissing = pages === 0 && isMissingApi(response);
    if (response.status !== 200 && !isMissing) throw await api.error(response, `the referrers of ${name}`);
    if (response.status === 403) {
      api.warn(
        `the referrers API is denied (403) for ${name}: only the fallback tag is asked for signatures and the like`,
      );
    }
    if (isMissing) {
      await response.discard();
      return undefined;
    }
    const listed = manifestsOf(await response.bytes(maxManifestBytes), `the referrers of ${name}`);
    if (found.length + listed.length > maxReferrers) throw tooMany(name, `${maxReferrers}`);
    for (const referrer of listed) found.push(referrer);
    page = nextPage(response.header("link"), page);
  }
  return found;
}

/**
 * Asks whether readers find a referrer by the API. The header `OCI-Subject` alone does not tell: ECR sent it before it had
 * the API, and a proxy in front of a registry may refuse the API.
 *
 * @returns True also for an answer that does not tell, such as an overloaded server's: the header has said so.
 */
async function hasReferrersApi({ digest }: Subject, api: RegistryApi, signal: AbortSignal): Promise<boolean> {
  const response = await api.call({ method: "GET", url: api.url(`referrers/${digest}`), signal }, "pull");
  const isMissing = isMissingApi(response);
  await response.discard();
  return !isMissing;
}

/** True for a JSON document that is no index; text that is not JSON is left to the parser. */
function isOtherDocument(bytes: Uint8Array): boolean {
  if (mediaTypeOf(bytes) === mediaTypes.ociIndex) return false;
  try {
    JSON.parse(new TextDecoder().decode(bytes));
    return true;
  } catch {
    return false;
  }
}

/**
 * @returns "none" for a missing tag, "subject" where the tag is the manifest itself (GitLab reads the tag as its digest),
 *   "other" for a tag of something else than an index
 */
async function fromTag(
  { digest, name }: Subject,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<readonly Descriptor[] | "none" | "subject" | "other"> {
  const url = api.url(`manifests/${fallbackTag(digest)}`);
  const headers = { accept: mediaTypes.ociIndex };
  const response = await api.call({ method: "GET", url, headers, bufferBytes: maxManifestBytes, signal }, "pull");
  if (response.status === 404) {
    await response.discard();
    return "none";
  }
  if (response.status !== 200) throw await api.error(response, `the referrers of ${name}`);
  const bytes = await response.bytes(maxManifestBytes);
  if (digestOf(bytes) === digest) return "subject";
  return isOtherDocument(bytes) ? "other" : manifestsOf(bytes, `the referrers of ${name}`);
}

/** Some registries answer with an empty list although they keep no referrers: clients then wrote the fallback tag. */
export async function readReferrers(
  subject: Subject,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<readonly Descriptor[]> {
  const listed = await fromApi(subject, api, signal);
  if (listed !== undefined && listed.length > 0) return listed;
  const tagged = await fromTag(subject, api, signal);
  return typeof tagged === "string" ? [] : tagged;
}

/** Entry of the fallback tag for a pushed manifest. */
export function referrerOf(parsed: ReturnType<typeof parseManifest>, bytes: Uint8Array, mediaType: string): Referrer {
  const artifactType = parsed.artifactType ?? (parsed.kind === "manifest" ? parsed.config?.mediaType : undefined);
  return { bytes, mediaType, artifactType, annotations: parsed.annotations };
}

/**
 * Reads the list of the fallback tag, and writes the list with the referrer.
 *
 * @returns False if the list has the referrer already.
 * @throws {RegistryUnavailableError} `REGISTRY_REFUSED` for a fallback tag of another artifact, which would be lost
 */
async function writeList(
  subject: Subject,
  referrer: Referrer,
  api: RegistryApi,
  signal: AbortSignal,
): Promise<boolean> {
  const { bytes, mediaType, artifactType, annotations } = referrer;
  const { digest, name } = subject;
  const own = { mediaType, digest: digestOf(bytes), size: bytes.byteLength, artifactType, annotations };
  const found = await fromTag(subject, api, signal);
  if (found === "other") throw tagTaken(subject);
  if (found === "subject") throw tagIsSubject(subject);
  const others: ImageIndex["manifests"] = found === "none" ? [] : found;
  if (others.some((other) => other.digest === own.digest)) return false;
  const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [...others, own] };
  const body = bytesBody(new TextEncoder().encode(JSON.stringify(index)));
  const url = api.url(`manifests/${fallbackTag(digest)}`);
  const headers = { "content-type": mediaTypes.ociIndex };
  const response = await api.call({ method: "PUT", url, headers, body, signal }, "push");
  if (response.status !== 201) throw await api.error(response, `the referrers of ${name}`);
  await response.discard();
  return true;
}

/** Referrers that are pushed to one repository, each listed by the registry itself or in the fallback tag. */
export class PushedReferrers {
  readonly #api: RegistryApi;
  readonly #context: Waiting;
  /** Per subject: each write reads, changes and writes the whole list of the fallback tag. */
  readonly #writes = oneAtATime<Digest>();
  #hasApi: boolean | undefined;

  constructor(api: RegistryApi, context: Waiting) {
    this.#api = api;
    this.#context = context;
  }

  /** @param isSaid The registry has said to list the referrer itself (`OCI-Subject`); the API is asked for once. */
  async note(subject: Subject, referrer: Referrer, isSaid: boolean, signal: AbortSignal): Promise<void> {
    if (isSaid) this.#hasApi ??= await hasReferrersApi(subject, this.#api, signal);
    if (isSaid && this.#hasApi === true) return;
    await this.#addToTag(subject, referrer, signal);
  }

  /**
   * Adds a referrer to the fallback tag, which registries change without a condition: whoever read the list before this
   * write may write the list without this referrer after it. So the list is read again after the time that such a write
   * takes, and written again if the referrer is lost. The dice keep writers apart that started together.
   *
   * @throws {RegistryUnavailableError} `REGISTRY_UNAVAILABLE` after repeated concurrent writes
   */
  async #addToTag(subject: Subject, referrer: Referrer, signal: AbortSignal): Promise<void> {
    const { now, random, sleep } = this.#context;
    for (let writes = 0; writes < maxWrites; writes += 1) {
      const tookMs = await this.#writes(subject.digest, async () => {
        const startMs = now();
        return (await writeList(subject, referrer, this.#api, signal)) ? now() - startMs : undefined;
      });
      if (tookMs === undefined) return;
      const waitMs = Math.max(tookMs, minWriteMs) * (2 + random() * (writes + 1));
      await sleep(Math.min(maxWaitMs, waitMs), signal);
    }
    throw new RegistryUnavailableError(
      "REGISTRY_UNAVAILABLE",
      `the referrers of ${subject.name} change concurrently all the time`,
      { hint: "run the same command again" },
    );
  }
}
