/** Library: `OrasClient`, `detectPlatformString`, and their errors. */

import { dirname, resolve } from "node:path";
import { identifyFile } from "./archive/identify.ts";
import type { VerbServices } from "./cli/services.ts";
import { withComposition } from "./compose.ts";
import { readConfigFiles } from "./config/file.ts";
import { readSettings } from "./config/settings.ts";
import { parseArgument, schemas } from "./library/arguments.ts";
import { type CallArguments, runCall } from "./library/call.ts";
import { createLock } from "./library/lock.ts";
import type {
  CallOptions,
  ClearCacheOptions,
  CopyOptions,
  Credentials,
  ImportOptions,
  InfoOptions,
  OrasClientOptions,
  PullOptions,
  PushOptions,
} from "./library/options.ts";
import type { OrasLock } from "./library/oras-lock.ts";
import {
  callOf,
  clearRequest,
  copyRequest,
  importRequest,
  infoRequest,
  loginRequest,
  logoutRequest,
  pulledArtifact,
  pullRequest,
  pushRequest,
  verifyRequest,
} from "./library/requests.ts";
import type {
  ArtifactInfo,
  CopyResult,
  ImportResult,
  LoginResult,
  LogoutResult,
  PulledArtifact,
  PushResult,
} from "./library/results.ts";
import { platformFromNode } from "./model/platform.ts";
import { printable } from "./printable.ts";
import { createContext, surroundingsOf } from "./surroundings.ts";
import type { Run } from "./transfer/run.ts";
import { clearCache } from "./verbs/clear-cache.ts";
import { copy } from "./verbs/copy.ts";
import { importTool } from "./verbs/import.ts";
import { artifactInfo } from "./verbs/info.ts";
import { listTags } from "./verbs/list.ts";
import { login, loginRegistry, logout } from "./verbs/login.ts";
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
export type {
  CallerSignal,
  CallOptions,
  ClearCacheOptions,
  CopyOptions,
  Credentials,
  ImportOptions,
  InfoOptions,
  LockAddOptions,
  LockCheckOptions,
  LockCopyOptions,
  LockOptions,
  OrasClientOptions,
  PublishOptions,
  PullOptions,
  PushOptions,
  TransferProgress,
} from "./library/options.ts";
export type { OrasLock } from "./library/oras-lock.ts";
export type {
  ArtifactInfo,
  CopiedArtifact,
  CopyResult,
  ImportResult,
  LayerInfo,
  LockCheck,
  LockedTag,
  LockedTool,
  LoginResult,
  LogoutResult,
  PlatformInfo,
  PulledArtifact,
  PushedPlatform,
  PushResult,
} from "./library/results.ts";
export type {
  LockChange,
  PlatformChange,
  PublishedTime,
  ToolSignature,
  ToolStatements,
} from "./locking/lock-change.ts";
export type { PolicyFault } from "./locking/policy-fault.ts";
export type { Digest } from "./model/digest.ts";
export type { PlatformString } from "./model/platform.ts";

/**
 * The platform string of this machine, such as `linux-x86_64`.
 *
 * @throws {UsageError} `PLATFORM_UNKNOWN` on a machine without a platform string
 */
export function detectPlatformString(): string {
  return platformFromNode(process.platform, process.arch);
}

/**
 * Client of OCI registries and layout folders with a verified cache.
 *
 * Every method rejects with an `OrasClientError` (or a subclass) with a public `code`, and with nothing else. Relative
 * paths start at the working folder. The environment and the configuration files give the settings that the options
 * leave out, as for the executable.
 */
export class OrasClient {
  readonly #options: OrasClientOptions;
  /** Methods for `oras.lock.json`. */
  readonly lock: OrasLock;

  /** @throws {UsageError} an option is unknown, or has a wrong type */
  constructor(options: OrasClientOptions = {}) {
    this.#options = parseArgument(schemas.client, options, "the options of OrasClient");
    this.lock = createLock((parse, work) => this.#call(parse, work, ({ file }) => file));
  }

  /**
   * Pulls an artifact. One file stays in the cache, unless `output` names a folder.
   *
   * @param reference `HOST/REPO:TAG`, `HOST/REPO@sha256:…`, `REPO:TAG`, `oci:DIR:TAG`; `{platform}` is filled in.
   * @returns Absolute path: the verified, read-only file in the cache; with `output`, the placed file or the folder.
   */
  async pull(reference: string, options: PullOptions = {}): Promise<string> {
    return (await this.#pull("pull", reference, options)).path;
  }

  /** Pulls an artifact as `pull` does, and describes the result. */
  async pullArtifact(reference: string, options: PullOptions = {}): Promise<PulledArtifact> {
    return await this.#pull("pullArtifact", reference, options);
  }

  #pull(method: string, reference: string, options: PullOptions): Promise<PulledArtifact> {
    return this.#call(
      () => pullRequest(method, reference, options),
      async (request, services, run) => {
        const { output, extract } = request;
        const folder = output === undefined ? undefined : resolve(services.context.cwd, output);
        return pulledArtifact(await pull(request, services, run), folder, extract);
      },
    );
  }

  /**
   * Compares a file with a digest. Asks no registry.
   *
   * @param digest `sha256:<hex>` or only the hex digits
   * @returns True if the file's SHA-256 is `digest`.
   */
  async verifyArtifact(path: string, digest: string, options: CallOptions = {}): Promise<boolean> {
    return await runCall(
      () => verifyRequest(path, digest, options),
      async (request, signal) => (await identifyFile(request.path, signal)).digest === request.digest,
    );
  }

  /**
   * Lists the tags of a repository or a layout folder.
   *
   * @param repository `HOST/REPO`, `REPO` or `oci:DIR`
   */
  async listTags(repository: string, options: CallOptions = {}): Promise<readonly string[]> {
    return await this.#call(
      () => callOf("listTags", { repository }, options),
      async (given, services, run) => (await listTags(given.repository, false, services, run)).tags,
    );
  }

  /** Describes the artifact of a reference: digest, type, platforms, files. Fetches no file. */
  async getArtifactInfo(reference: string, options: InfoOptions = {}): Promise<ArtifactInfo> {
    return await this.#call(
      () => infoRequest(reference, options),
      (given, services, run) => artifactInfo({ ...given, withReferrers: false }, services, run),
    );
  }

  /**
   * Removes files from the cache: all, or the old ones.
   *
   * @returns Number of removed files, metadata included.
   */
  async clearCache(options: ClearCacheOptions = {}): Promise<number> {
    return await this.#call(
      () => clearRequest(options),
      async (request, services, run) => (await clearCache(request, services, run)).filesRemoved,
    );
  }

  /**
   * Publishes a file or folder under a tag, or one file or folder per platform.
   *
   * @param path Undefined if `options.platforms` names the paths.
   */
  async push(reference: string, path: string | undefined, options: PushOptions = {}): Promise<PushResult> {
    return await this.#call(() => pushRequest(reference, path, options), push);
  }

  /**
   * Publishes a tool of another ecosystem, for every available platform. Needs the ecosystem's own client.
   *
   * @param source `pypi:NAME@VERSION`, `maven:GROUP:ARTIFACT:VERSION:exe`, `npm:NAME@VERSION`, `go:PACKAGE@VERSION`,
   *   `file:PATH`, or a URL
   */
  async importTool(source: string, reference: string, options: ImportOptions = {}): Promise<ImportResult> {
    return await this.#call(() => importRequest(source, reference, options), importTool);
  }

  /**
   * Copies an artifact with all platforms and referrers. Sends only what the destination lacks, and the tag last.
   *
   * @param destination Default of the tag: the source's tag.
   */
  async copy(source: string, destination: string, options: CopyOptions = {}): Promise<CopyResult> {
    return await this.#call(() => copyRequest(source, destination, options), copy);
  }

  /** Checks a login at its registry, and stores it where Docker does: in the credential helper, or in the file. */
  async login(credentials: Credentials, options: CallOptions = {}): Promise<LoginResult> {
    return await this.#call(
      () => loginRequest(credentials, options),
      (given, services, run) => login({ ...given, registry: loginRegistry(given.registry, services) }, services, run),
    );
  }

  /**
   * Removes a login from where `login` stores logins.
   *
   * @param registry Host, or its name in the user's own configuration; default: the client's registry.
   */
  async logout(registry?: string, options: CallOptions = {}): Promise<LogoutResult> {
    return await this.#call(
      () => logoutRequest(registry, options),
      (given, services, run) => logout(given.registry, services, run),
    );
  }

  /**
   * Composes the services of one call. The environment is read at each call.
   *
   * @param lockOf Path of the lock whose project's configuration counts; without one, that of the working folder counts.
   */
  #call<Given extends CallArguments, T>(
    parse: () => Given,
    work: (given: Given, services: VerbServices, run: Run) => Promise<T>,
    lockOf: (given: Given) => string | undefined = () => undefined,
  ): Promise<T> {
    const { verbose = false } = this.#options;
    const say = (line: string): void => {
      if (verbose) process.stderr.write(`${printable(line)}\n`);
    };
    return runCall(parse, async (given, signal, progress) => {
      const log = { debug: say, warn: say };
      // A program that bundles the library would start itself as a thread.
      const context = createContext({ ...surroundingsOf(process), threadCode: undefined, log, progress });
      const lock = lockOf(given);
      const cwd = lock === undefined ? context.cwd : dirname(resolve(context.cwd, lock));
      const settings = readSettings(this.#options, context, await readConfigFiles({ ...context, cwd }));
      return await withComposition(settings, context, signal, (services, run) => work(given, services, run));
    });
  }
}
