/** Results of the library's methods. Refers to no other package's types. */

import type { PolicyFault } from "../locking/policy-fault.ts";
import type { Digest } from "../model/digest.ts";
import type { PlatformString } from "../model/platform.ts";
import type { SourceLevel } from "../model/source-level.ts";

export interface PulledArtifact {
  /** Reference with its registry and the template filled in. */
  readonly reference: string;
  /** Absolute path: the verified, read-only file in the cache; with `output`, the placed file or the folder. */
  readonly path: string;
  /** SHA-256 of the file; undefined for a folder. */
  readonly contentDigest: Digest | undefined;
  /** Undefined if the file was found in the cache by its own digest. */
  readonly manifestDigest: Digest | undefined;
  /** Undefined if the artifact is the same for every platform. */
  readonly platform: PlatformString | undefined;
  /** Bytes of the file, or of all blobs of a folder. */
  readonly size: number;
  /** Where the bytes came from. */
  readonly origin: "cache" | "mirror" | "registry" | "layout";
  /** Absolute paths of the files in the output folder. */
  readonly placed: readonly string[];
  /** True if `extract` found no archive: the file is placed unchanged. */
  readonly isLeftAsIs: boolean;
}

export interface LayerInfo {
  readonly title: string | undefined;
  readonly mediaType: string;
  readonly digest: Digest;
  /** Bytes. */
  readonly size: number;
}

export interface PlatformInfo {
  /** Undefined if the artifact is the same for every platform. */
  readonly platform: PlatformString | undefined;
  /** Digest of this platform's manifest. */
  readonly digest: Digest;
  readonly layers: readonly LayerInfo[];
}

export interface ArtifactInfo {
  readonly reference: string;
  /** Digest of the index, or of the only manifest. */
  readonly digest: Digest;
  readonly mediaType: string;
  readonly artifactType: string | undefined;
  readonly annotations: Readonly<Record<string, string>>;
  readonly platforms: readonly PlatformInfo[];
}

export interface PushedPlatform {
  /** Undefined for all platforms. */
  readonly platform: PlatformString | undefined;
  /** Digest of this platform's manifest. */
  readonly digest: Digest;
  /** Bytes of the layer. */
  readonly size: number;
  /** Bytes of the layer before compression. */
  readonly contentSize: number;
}

export interface PushResult {
  readonly reference: string;
  /** Digest of the index, or of the only manifest. */
  readonly digest: Digest;
  /** Manifest that the tag meant before; undefined for a new or unchanged tag, or if the target does not say. */
  readonly replaced: Digest | undefined;
  /** Platforms of the replaced index that the new artifact lacks. */
  readonly platformsLost: readonly PlatformString[];
  readonly mediaType: string;
  readonly platforms: readonly PushedPlatform[];
}

export interface ImportResult extends PushResult {
  /** Package URL or address of each platform's file, with its checksum. */
  readonly provenances: readonly {
    readonly platform: PlatformString | undefined;
    readonly provenance: string;
    /** Level that the source vouched for: `by` names who, and `notes` what is not verified. */
    readonly source: {
      readonly level: SourceLevel;
      readonly by: string | undefined;
      readonly notes: readonly string[];
    };
  }[];
  /** Wanted platforms that the source does not offer. */
  readonly missing: readonly PlatformString[];
}

export interface CopiedArtifact {
  readonly source: string;
  readonly destination: string;
  readonly digest: Digest;
  /** Manifest that the destination's tag meant before; undefined for a new or unchanged tag. */
  readonly replaced: Digest | undefined;
}

export interface CopyResult {
  readonly artifacts: readonly CopiedArtifact[];
  readonly manifestsCopied: number;
  /** Manifests that the destination had already. */
  readonly manifestsPresent: number;
  readonly blobsCopied: number;
  /** Mounted from another repository of the same registry, without a transfer. */
  readonly blobsMounted: number;
  readonly blobsPresent: number;
  /** Bytes of blobs and manifests. */
  readonly bytesSent: number;
}

export interface LoginResult {
  readonly registry: string;
  readonly username: string;
  /** Credential helper or file that stores the login. */
  readonly keptIn: string;
  /** True: the registry accepted the login. False: the registry asks for no login. */
  readonly isChecked: boolean;
}

export interface LogoutResult {
  readonly registry: string;
  /** Credential helpers and files that stored the login; empty without a login. */
  readonly removedFrom: readonly string[];
  /** Source of a remaining login that `logout` does not change: a variable, or another client's file. */
  readonly remainingIn: string | undefined;
}

export interface LockedTool {
  readonly tool: string;
  readonly reference: string;
  /** Tag of the reference without `{platform}`, or its digest; `latest` without either. */
  readonly version: string;
  /** Platform strings, or `any`. */
  readonly platforms: readonly string[];
  /** Bytes to fetch for this machine's platform; undefined for a tool without this platform. */
  readonly size: number | undefined;
  /** True if this machine's files are cached; undefined for a tool without this machine's platform. */
  readonly cached: boolean | undefined;
}

export interface LockedTag {
  readonly tool: string;
  /** The locked reference, with its template filled in. */
  readonly reference: string;
  readonly locked: Digest;
  /** Undefined: the reference no longer exists. */
  readonly current: Digest | undefined;
}

export interface LockCheck {
  /** Names of the locked tools. */
  readonly tools: readonly string[];
  /** Tags that were looked up; empty without `online`. A tag whose digests differ has moved. */
  readonly tags: readonly LockedTag[];
  /** Demands of the policies that are not fulfilled; undefined without `policy`. */
  readonly faults: readonly PolicyFault[] | undefined;
  /** Names of the tools of which no policy demands a signer or an age; undefined without `policy`. */
  readonly uncovered: readonly string[] | undefined;
}
