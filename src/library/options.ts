/** Arguments of the library's methods, as a program writes them. Refers to no other package's types. */
import type { DemandedLevel } from "../model/source-level.ts";

/** An `AbortSignal`; declared so that the types also compile where neither DOM nor Node's types are loaded. */
export type CallerSignal = typeof globalThis extends { AbortSignal: { prototype: infer Signal } }
  ? Signal
  : { readonly aborted: boolean; readonly reason: unknown };

export interface TransferProgress {
  /** Number of the transfer in its call, from 0: several may be under way at once. */
  readonly transfer: number;
  /** The transferred file's name, or the destination. */
  readonly label: string;
  /** Bytes so far. */
  readonly transferredBytes: number;
  /** Size in bytes, as the manifest or the local file states it. */
  readonly totalBytes: number;
  /** True in the last report of a transfer, also after a failure. */
  readonly isDone: boolean;
}

/** Options of every method. */
export interface CallOptions {
  /** Ends the call, which rejects with an `InterruptedError`; the error's `cause` is the signal's reason. */
  readonly signal?: CallerSignal | undefined;
  /**
   * Receives the progress of each transfer, perhaps once per chunk. Only methods that transfer files report. An error
   * that the function throws ends the call.
   */
  readonly onProgress?: ((progress: TransferProgress) => void) | undefined;
}

export interface OrasClientOptions {
  /** Registry of references without a host, such as `ghcr.io`; default: `BUCK2_ORAS_REGISTRY`. */
  readonly registry?: string | undefined;
  /** Cache folder; default: `BUCK2_ORAS_CACHE_DIR`, else the user's cache folder. */
  readonly cacheDir?: string | undefined;
  /** Prints details and warnings on stderr. */
  readonly verbose?: boolean | undefined;
  /** Uses only the cache and layout folders. */
  readonly offline?: boolean | undefined;
  /** Time limit of each call, in seconds; default: 600. */
  readonly timeoutSeconds?: number | undefined;
  /** True: http for the only registry of a call. A list: http for these hosts. False: https also on loopback. */
  readonly plainHttp?: boolean | readonly string[] | undefined;
  /** PEM file with certificate authorities to trust, in addition to Node's. */
  readonly caFile?: string | undefined;
}

export interface PullOptions extends CallOptions {
  /** Expected SHA-256 of the file, `sha256:<hex>` or only the hex digits; a cached file needs no request. */
  readonly digest?: string | undefined;
  /** Platform string such as `linux-x86_64`; default: this machine's. */
  readonly platform?: string | undefined;
  /** Folder for the file or files; default: one file stays in the cache. */
  readonly output?: string | undefined;
  /** Unpacks an archive into `output`. */
  readonly extract?: boolean | undefined;
}

export interface InfoOptions extends CallOptions {
  /** Describes only this platform; default: all, and this machine's for `{platform}`. */
  readonly platform?: string | undefined;
}

export interface ClearCacheOptions extends CallOptions {
  /** Removes only files last used longer ago; default: files of any age. */
  readonly olderThanDays?: number | undefined;
  /** Removes the least recently used files until this many bytes remain; default: no limit. */
  readonly maxSizeBytes?: number | undefined;
}

/** Options of the methods that publish files. */
export interface PublishOptions extends CallOptions {
  /** Default: `zstd`, which pulls fastest. */
  readonly compression?: "zstd" | "gzip" | "none" | undefined;
  /** Annotations of the manifests. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

export interface PushOptions extends PublishOptions {
  /** Paths by platform string, in place of one path for all platforms. */
  readonly platforms?: Readonly<Record<string, string>> | undefined;
  /** Name of the pulled file or folder; default: the path's last part. */
  readonly title?: string | undefined;
  readonly artifactType?: string | undefined;
}

export interface ImportOptions extends PublishOptions {
  /** Platform strings; default: every available platform. */
  readonly platforms?: readonly string[] | undefined;
  /** Expected SHA-256 of the file at a URL. */
  readonly digest?: string | undefined;
  /** Name of the pulled file or folder; default: the tool's own name. */
  readonly title?: string | undefined;
  /** True leaves out platforms for which a Go program cannot be built; default: false. */
  readonly skipUnavailable?: boolean | undefined;
  /** Refuses files whose source vouches for less; default: what the policies demand. */
  readonly requireSource?: DemandedLevel | undefined;
  /** File of a trusted_root.json, which verifies provenance; default: the policies' own. */
  readonly trustRoot?: string | undefined;
  /** File with the keys of npm's registry. */
  readonly registryKeys?: string | undefined;
}

export interface CopyOptions extends CallOptions {
  /** False leaves out referrers, such as signatures; default: true. */
  readonly referrers?: boolean | undefined;
}

export interface Credentials {
  /** Host, or its name in the user's own configuration; default: the client's registry. */
  readonly registry?: string | undefined;
  readonly username: string;
  /** Password or access token. */
  readonly password: string;
}

/** Options of the methods of `OrasLock`. */
export interface LockOptions extends CallOptions {
  /**
   * Path of the lock, whose project's configuration counts; default: the nearest `oras.lock.json` from the working folder
   * up to the project's root.
   */
  readonly file?: string | undefined;
}

/** Changes of trust that are no error, since the caller names them; and demanded ages, in addition to the policies. */
export interface AcceptOptions extends LockOptions {
  /** New signers of tools that others had signed: fingerprints of keys (`sha256:…`), identities, or `none`. */
  readonly acceptSigners?: readonly string[] | undefined;
  /** New sources of tools whose publishers had stated others: addresses, or `none`. */
  readonly acceptSources?: readonly string[] | undefined;
  /** Least age of a new version, such as `7d`: `lock.update` leaves a younger one, `lock.add` refuses it. */
  readonly minAge?: string | undefined;
  /** Greatest age, such as `52w`: an older version is refused. */
  readonly maxAge?: string | undefined;
}

export interface LockUpdateOptions extends AcceptOptions {
  /** True: the lock stays as it is, and the result has the changes; default: false. */
  readonly dryRun?: boolean | undefined;
}

/** Options of `lock.add`. The lock records the last three, and `lock.update` repeats them. */
export interface LockAddOptions extends AcceptOptions {
  /** Path of the executable in the artifact, or the end of this path; default: found by the tool's name. */
  readonly executable?: string | undefined;
  /** Format of the files, such as `raw`, which keeps an archive as one file; default: by the bytes. */
  readonly format?: string | undefined;
  /** Platform strings to lock; default: all. */
  readonly platforms?: readonly string[] | undefined;
}

export interface LockCheckOptions extends LockOptions {
  /** Also asks the registries for the tags and manifests. */
  readonly online?: boolean | undefined;
  /** Also compares the lock with the policies of the configuration; with `online`, by the signatures and times themselves. */
  readonly policy?: boolean | undefined;
}

export interface LockCopyOptions extends LockOptions, CopyOptions {
  /** `oci:DIR` or prefix of a mirror to read from; default: the locations in the lock. */
  readonly source?: string | undefined;
}
