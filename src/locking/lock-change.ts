/** Effects of a change of a lock on one tool. A part of the library's types: refers to no other package's types. */
import type { Digest } from "../model/digest.ts";

export interface PlatformChange {
  /** A platform string, or `any`. */
  readonly platform: string;
  readonly change: "added" | "removed" | "changed" | "unchanged";
  /** Bytes to fetch; undefined for a removed platform. */
  readonly size: number | undefined;
  readonly previousSize: number | undefined;
}

/** A new version that stays for the next run, since it is too young. */
export interface LeftVersion {
  /** For people. */
  readonly reason: string;
  /** Digest of the index or the only manifest; undefined for a template. */
  readonly digest: Digest | undefined;
  /** RFC 3339; undefined if nothing trusted vouches for a time. */
  readonly published: string | undefined;
  /** RFC 3339. */
  readonly oldEnoughAt: string | undefined;
}

/** A time from which a version's age counts, and who vouches for it. */
export interface PublishedTime {
  /** RFC 3339. */
  readonly time: string;
  readonly by: "signature" | "registry";
}

/** Annotations of a publisher, as a lock records them. Nobody vouches for them. */
export interface ToolStatements {
  readonly version: string | undefined;
  readonly source: string | undefined;
  readonly licenses: string | undefined;
  /** How much the source vouched for the imported files, as the importer says. */
  readonly sourceCheck: "checksum" | "signature" | "provenance" | undefined;
}

/** A signature that a policy demanded: by a key, or by an identity with its issuer. */
export interface ToolSignature {
  readonly digest: Digest;
  /** Fingerprint. */
  readonly key: Digest | undefined;
  readonly identity: string | undefined;
  readonly issuer: string | undefined;
  /** Time that a log or a timestamp authority vouches for. */
  readonly time: string | undefined;
}

export interface LockChange {
  readonly tool: string;
  /** `left`: the tool stays as locked, since its new version is too young. */
  readonly change: "added" | "updated" | "unchanged" | "left";
  /** The version that was left; undefined for any other change. */
  readonly left: LeftVersion | undefined;
  readonly reference: string;
  readonly previousReference: string | undefined;
  /** Digest of the index or the only manifest; undefined for a template. */
  readonly digest: Digest | undefined;
  readonly previousDigest: Digest | undefined;
  /** The tool's platforms after the change. */
  readonly platforms: readonly string[];
  readonly platformChanges: readonly PlatformChange[];
  readonly stated: ToolStatements;
  readonly previousStated: ToolStatements;
  readonly signatures: readonly ToolSignature[];
  readonly previousSignatures: readonly ToolSignature[];
  /** Undefined: no age was demanded when the tool was locked. */
  readonly published: PublishedTime | undefined;
  readonly previousPublished: PublishedTime | undefined;
}
