/**
 * Trust roots over TUF: the repository's keys sign what it says, and each root signs the next.
 *
 * `tuf-js` does the work; requests, the place of the metadata and the limits are ours.
 *
 * @see https://theupdateframework.github.io/specification/latest/#detailed-client-workflow
 */
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Fetcher, Updater } from "tuf-js";
import { DownloadHTTPError } from "tuf-js/dist/error.js";
import {
  ArtifactNotFoundError,
  asError,
  ContentVerificationError,
  OrasClientError,
  RegistryUnavailableError,
} from "../errors.ts";
import { maxRootBytes, parseTrustRoot } from "./trust-root.ts";

/** A small answer. Any status resolves. */
export type ReadUrl = (url: URL, maxBytes: number) => Promise<{ readonly status: number; readonly bytes: Uint8Array }>;

export interface TufRequest {
  /** Address of the metadata; targets lie in `targets/` below it. */
  readonly url: URL;
  /** Folder with `root.json`, the first root to trust, and with metadata of an earlier fetch. Gets the current metadata. */
  readonly folder: string;
}

export interface FetchedRoot {
  /** A trusted_root.json. */
  readonly text: string;
  /** Version of the last TUF root. */
  readonly version: number;
  /** ISO 8601: until then the repository has to publish new metadata. */
  readonly expires: string;
}

/** Name of the trust root among the targets, in every repository of Sigstore. */
const target = "trusted_root.json";

/** `tuf-js` asks by this for files, and keeps no error of a request in its own: the last one stays here. */
class Requests implements Fetcher {
  failure: OrasClientError | undefined;
  readonly #read: ReadUrl;
  readonly #folder: string;

  constructor(read: ReadUrl, folder: string) {
    this.#read = read;
    this.#folder = folder;
  }

  async downloadBytes(url: string, maxLength: number): Promise<Buffer> {
    const limit = Math.min(maxLength, maxRootBytes);
    this.failure = undefined;
    const { status, bytes } = await this.#read(new URL(url), limit).catch((error: unknown) => {
      if (error instanceof OrasClientError) this.failure = error;
      throw error;
    });
    // Says nothing of the repository's keys, unlike a file that is not there.
    if (status !== 200 && status !== 403 && status !== 404) {
      this.failure = new RegistryUnavailableError("REGISTRY_UNAVAILABLE", `status ${status} of ${url}`, {
        hint: "try again later; if it goes on, tell the operator of the repository or of its proxy",
      });
    }
    if (status !== 200) throw new DownloadHTTPError(`status ${status} of ${url}`, status);
    return Buffer.from(bytes);
  }

  async downloadFile<T>(url: string, maxLength: number, handler: (file: string) => Promise<T>): Promise<T> {
    const file = join(this.#folder, "download");
    await writeFile(file, await this.downloadBytes(url, maxLength));
    return await handler(file);
  }
}

function refused(url: URL, error: unknown): OrasClientError {
  const { message } = asError(error);
  const why = message.replace(/^Unable to load [a-z]+ (?:metadata )?error [A-Za-z]*Error: /, "");
  if (error instanceof DownloadHTTPError && error.statusCode === 404) {
    return new ArtifactNotFoundError("ARTIFACT_NOT_FOUND", `not found: a TUF repository at ${url.href}`, {
      cause: error,
      hint: "check the address of --tuf: the folder that holds timestamp.json",
    });
  }
  const hint = /expired/i.test(why)
    ? "compare this machine's clock; if it is right, the repository is no longer kept, or somebody holds newer metadata back"
    : "take nothing from this repository before you know why; --root must be a root.json of the same repository";
  return new ContentVerificationError(
    "TRUST_ROOT_REFUSED",
    `the TUF repository ${url.href} is not to be trusted: ${why}`,
    {
      cause: error,
      hint,
    },
  );
}

/** A failed request in the words of this command: no registry is asked, and the cache has no trust root. */
function outOfReach({ href }: URL, failure: OrasClientError): OrasClientError {
  const { code, message, hint } = failure;
  if (code === "OFFLINE") {
    return new RegistryUnavailableError(code, `--offline forbids asking the TUF repository ${href}`, {
      hint: "run the same command without --offline, or copy a trusted_root.json from a machine with a network",
    });
  }
  if (code !== "REGISTRY_UNAVAILABLE") return failure;
  return new RegistryUnavailableError(code, `the TUF repository ${href} cannot be asked: ${message}`, {
    cause: failure.cause,
    hint,
  });
}

/**
 * Fetches the current trust root of a repository.
 *
 * @throws {ContentVerificationError} `TRUST_ROOT_REFUSED` for signatures that do not hold, older metadata than before, and
 *   metadata that has expired
 */
export async function fetchTrustedRoot({ url, folder }: TufRequest, read: ReadUrl): Promise<FetchedRoot> {
  const requests = new Requests(read, folder);
  const base = url.href.replace(/\/+$/, "");
  try {
    const updater = new Updater({
      metadataDir: folder,
      metadataBaseUrl: base,
      targetDir: folder,
      targetBaseUrl: `${base}/targets`,
      fetcher: requests,
    });
    await updater.refresh();
    const info = await updater.getTargetInfo(target);
    if (info === undefined) throw new Error(`it has no ${target}`);
    const path = await updater.downloadTarget(info, join(folder, target));
    const text = await readFile(path, "utf8");
    parseTrustRoot(text, `of ${url.href}`);
    const { signed } = JSON.parse(await readFile(join(folder, "root.json"), "utf8"));
    return { text, version: Number(signed.version), expires: String(signed.expires) };
  } catch (error) {
    if (requests.failure !== undefined) throw outOfReach(url, requests.failure);
    throw error instanceof OrasClientError ? error : refused(url, error);
  }
}
