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

export interface LockChange {
  readonly tool: string;
  readonly change: "added" | "updated" | "unchanged";
  readonly reference: string;
  readonly previousReference: string | undefined;
  /** Digest of the index or the only manifest; undefined for a template. */
  readonly digest: Digest | undefined;
  readonly previousDigest: Digest | undefined;
  /** The tool's platforms after the change. */
  readonly platforms: readonly string[];
  readonly platformChanges: readonly PlatformChange[];
}
