/** Library: `OrasClient`, `detectPlatformString`, and their errors. */

import { defaultLevels } from "./archive/compress.ts";
import { identifyFile } from "./archive/identify.ts";
import type { VerbServices } from "./cli/services.ts";
import { createContext, surroundingsOf, withComposition } from "./compose.ts";
import { readConfigFiles } from "./config/file.ts";
import { readSettings } from "./config/settings.ts";
import { parseDigest } from "./model/digest.ts";
import { parsePlatform, platformFromNode } from "./model/platform.ts";
import { printable } from "./printable.ts";
import type { PushResult } from "./publish/artifact.ts";
import type { Run } from "./transfer/run.ts";
import { clearCache } from "./verbs/clear-cache.ts";
import { type ArtifactInfo, artifactInfo } from "./verbs/info.ts";
import { listTags } from "./verbs/list.ts";
import { pull } from "./verbs/pull.ts";
import { push } from "./verbs/push.ts";

export {
  ArtifactNotFoundError,
  ConfigurationError,
  ContentVerificationError,
  type ErrorCode,
  errorCodes,
  InterruptedError,
  LocalIoError,
  OrasClientError,
  RegistryAuthError,
  RegistryUnavailableError,
  TimeoutError,
  UsageError,
} from "./errors.ts";
export type { Digest } from "./model/digest.ts";
export type { PlatformString } from "./model/platform.ts";
export type { PushedPlatform, PushResult } from "./publish/artifact.ts";
export type { ArtifactInfo, LayerInfo, PlatformInfo } from "./verbs/info.ts";

export interface OrasClientOptions {
  /** Registry of references without a host, such as `ghcr.io`; default: `BUCK2_ORAS_REGISTRY`. */
  readonly registry?: string;
  /** Cache folder; default: `BUCK2_ORAS_CACHE_DIR`, else the user's cache folder. */
  readonly cacheDir?: string;
  /** Prints details and warnings on stderr. */
  readonly verbose?: boolean;
  /** Uses only the cache and layout folders. */
  readonly offline?: boolean;
  /** Time limit of each call, in seconds; default: 600. */
  readonly timeoutSeconds?: number;
  /** True: http for the only registry of a call. A list: http for these hosts. False: https also on loopback. */
  readonly plainHttp?: boolean | readonly string[];
  /** PEM file with certificate authorities to trust, in addition to Node's. */
  readonly caFile?: string;
}

export interface PullOptions {
  /** Expected SHA-256 of the file, `sha256:<hex>` or only the hex digits; a cached file needs no request. */
  readonly digest?: string;
  /** Platform string such as `linux-x86_64`; default: this machine's. */
  readonly platform?: string;
  readonly signal?: AbortSignal;
}

export interface PushOptions {
  /** Paths by platform string, in place of one path for all platforms. */
  readonly platforms?: Readonly<Record<string, string>>;
  /** Name of the pulled file or folder; default: the path's last part. */
  readonly title?: string;
  readonly artifactType?: string;
  /** Default: `zstd`, which pulls fastest. */
  readonly compression?: "zstd" | "gzip" | "none";
  readonly annotations?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** The platform string of this machine, such as `linux-x86_64`. */
export function detectPlatformString(): string {
  return platformFromNode(process.platform, process.arch);
}

/**
 * Client of OCI registries and layout folders with a verified cache.
 *
 * Every method throws an `OrasClientError` (or a subclass) with a public `code`.
 */
export class OrasClient {
  readonly #options: OrasClientOptions;

  constructor(options: OrasClientOptions = {}) {
    this.#options = options;
  }

  /**
   * Pulls an artifact of one file.
   *
   * @param reference `HOST/REPO:TAG`, `HOST/REPO@sha256:…`, `REPO:TAG`, `oci:DIR:TAG`; `{platform}` is filled in.
   * @returns Absolute path of the verified, read-only file in the cache.
   */
  async pull(reference: string, options: PullOptions = {}): Promise<string> {
    const { digest, platform, signal } = options;
    const request = {
      reference,
      digest: digest === undefined ? undefined : parseDigest(digest),
      platform: platform === undefined ? undefined : parsePlatform(platform),
      output: undefined,
      extract: false,
    };
    return await this.#run(signal, async (services, deadline) => (await pull(request, services, deadline)).path);
  }

  /**
   * @param digest `sha256:<hex>` or only the hex digits
   * @returns True if the file's SHA-256 is `digest`.
   */
  async verifyArtifact(path: string, digest: string): Promise<boolean> {
    const wanted = parseDigest(digest);
    return (await identifyFile(path)).digest === wanted;
  }

  /** @param repository `HOST/REPO`, `REPO` or `oci:DIR` */
  async listTags(repository: string): Promise<readonly string[]> {
    return await this.#run(
      undefined,
      async (services, deadline) => (await listTags(repository, false, services, deadline)).tags,
    );
  }

  /** Describes the artifact of a reference: digest, type, platforms, files. Fetches no file. */
  async getArtifactInfo(reference: string): Promise<ArtifactInfo> {
    return await this.#run(undefined, (services, deadline) => artifactInfo(reference, undefined, services, deadline));
  }

  /** @returns Number of removed files, metadata included. */
  async clearCache(options: { readonly olderThanDays?: number; readonly maxSizeBytes?: number } = {}): Promise<number> {
    const request = { olderThanDays: options.olderThanDays, maxSizeBytes: options.maxSizeBytes };
    return await this.#run(
      undefined,
      async (services, deadline) => (await clearCache(request, services, deadline)).filesRemoved,
    );
  }

  /**
   * Publishes a file or folder under a tag, or one file or folder per platform.
   *
   * @param path Undefined if `options.platforms` names the paths.
   */
  async push(reference: string, path: string | undefined, options: PushOptions = {}): Promise<PushResult> {
    const { platforms = {}, title, artifactType, annotations = {}, signal } = options;
    const forPlatforms = Object.entries(platforms).map(([name, one]) => ({ platform: parsePlatform(name), path: one }));
    const items = path === undefined ? forPlatforms : [{ platform: undefined, path }, ...forPlatforms];
    const { compression = "zstd" } = options;
    const compressor = compression === "none" ? undefined : { format: compression, level: defaultLevels[compression] };
    const request = { reference, items, title, artifactType, layerMediaType: undefined, compressor, annotations };
    return await this.#run(signal, (services, deadline) => push(request, services, deadline));
  }

  async #run<T>(signal: AbortSignal | undefined, work: (services: VerbServices, run: Run) => Promise<T>): Promise<T> {
    const { verbose = false } = this.#options;
    const say = (line: string): void => {
      if (verbose) process.stderr.write(`${printable(line)}\n`);
    };
    const context = createContext({
      ...surroundingsOf(process),
      // A program that bundles the library would start itself as a thread.
      bundlePath: undefined,
      log: { debug: say, warn: say },
      progress: { start: () => ({ advance: () => {}, done: () => {} }) },
    });
    const settings = readSettings(this.#options, context, await readConfigFiles(context));
    return await withComposition(settings, context, signal, work);
  }
}
