/** A cache folder that another user can write into, and that user's ways. */
import { chmodSync, chownSync, lstatSync, mkdirSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { TestContext } from "vitest";
import { platformStrings } from "../../src/model/platform.ts";
import { metadataName } from "../../src/store/paths.ts";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { sha256 } from "./layout-project.ts";
import type { Ran } from "./run.ts";

/** The other user. */
export const neighbour = 65_534;

/** Only root can give files to another user. */
export function requireRoot(context: TestContext): void {
  if (process.getuid?.() !== 0) context.skip("only root can become somebody else");
}

export interface SharedCache {
  readonly dir: string;
  readonly pathOf: (digest: string) => string;
  /** A file of this user's that the neighbour would like to have changed. */
  readonly secret: string;
  /** Changed in nothing. */
  readonly isSecretUntouched: () => boolean;
}

const folders = ["oras", "metadata", "tmp", "locks"];

/** @param digests Blobs whose folder is open to everybody, too. */
export function sharedCache(...digests: readonly string[]): SharedCache {
  const dir = join(temporaryFolder(), "cache");
  const pathOf = (digest: string): string => join(dir, "oras", digest.slice(7, 9), digest.slice(7));
  const paths = [".", ...folders, ...digests.map((digest) => join("oras", digest.slice(7, 9)))];
  for (const path of paths) {
    mkdirSync(join(dir, path), { recursive: true });
    chmodSync(join(dir, path), 0o777);
  }
  const secret = join(temporaryFolder(), "id_ed25519");
  writeFileSync(secret, "a key", { mode: 0o600 });
  const { mtimeMs } = statSync(secret);
  return {
    dir,
    pathOf,
    secret,
    isSecretUntouched: () => {
      const now = lstatSync(secret);
      return now.isFile() && (now.mode & 0o777) === 0o600 && now.mtimeMs === mtimeMs && now.size === 5;
    },
  };
}

/** Runs in a folder of its own with the shared cache. */
export async function inCache(cache: SharedCache, args: readonly string[]): Promise<Ran & { readonly dir: string }> {
  const dir = temporaryFolder();
  return { dir, ...(await oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: cache.dir } })) };
}

/** Writes a file as the neighbour would. */
export function putAsNeighbour(path: string, bytes: string | Uint8Array, mode = 0o444): void {
  writeFileSync(path, bytes);
  chownSync(path, neighbour, neighbour);
  chmodSync(path, mode);
}

export interface ForgedNote {
  readonly reference: string;
  /** The content that the reference is said to hold. */
  readonly content: string;
  /** The manifest that the reference is said to name. */
  readonly manifest: string;
}

/** A note that somebody made up and that looks as the store's own does. */
export function forgeNote(cacheDir: string, { reference, content, manifest }: ForgedNote): void {
  const note = {
    artifact_ref: reference,
    digest: sha256(content),
    manifest_digest: manifest,
    size: Buffer.byteLength(content),
    cached_at: new Date().toISOString(),
    original_name: "tool",
    platform: null,
  };
  for (const platform of platformStrings) {
    const path = join(cacheDir, "metadata", metadataName(reference, platform));
    mkdirSync(dirname(path), { recursive: true });
    putAsNeighbour(path, JSON.stringify(note));
  }
  const blob = join(cacheDir, "oras", sha256(content).slice(7, 9), sha256(content).slice(7));
  mkdirSync(dirname(blob), { recursive: true });
  putAsNeighbour(blob, content);
}

export const tool = "#!/bin/sh\necho the tool\n";
export const evil = "#!/bin/sh\necho the evil\n";
export const toolDigest: string = sha256(tool);

/** Fetches the tool of `serveTool` into the file `out`. */
export function blobArgs(host: string, ...more: string[]): string[] {
  return ["blob", `${host}/t/tool@${toolDigest}`, "--size", String(tool.length), "-o", "out", ...more];
}
