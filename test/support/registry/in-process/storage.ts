/** What the in-process registry holds, in memory. */
import { createHash } from "node:crypto";

export interface StoredManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
}

export interface Repository {
  readonly blobs: Map<string, Buffer>;
  readonly manifests: Map<string, StoredManifest>;
  /** Tag → digest. */
  readonly tags: Map<string, string>;
}

const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128})$/;

export function isStorageDigest(text: string): boolean {
  return digestPattern.test(text);
}

/** @param algorithm As a digest begins. */
export function digestWith(algorithm: string, bytes: Buffer): string {
  return `${algorithm}:${createHash(algorithm).update(bytes).digest("hex")}`;
}

export class Storage {
  readonly #repositories = new Map<string, Repository>();
  readonly uploads = new Map<string, Buffer>();
  #nextUpload = 0;

  /** Undefined for one that was never written to. */
  find(name: string): Repository | undefined {
    return this.#repositories.get(name);
  }

  open(name: string): Repository {
    let repository = this.#repositories.get(name);
    if (repository === undefined) {
      repository = { blobs: new Map(), manifests: new Map(), tags: new Map() };
      this.#repositories.set(name, repository);
    }
    return repository;
  }

  /** A blob of any repository: what a mount without a source may find. */
  findBlob(digest: string): Buffer | undefined {
    for (const { blobs } of this.#repositories.values()) {
      const bytes = blobs.get(digest);
      if (bytes !== undefined) return bytes;
    }
    return undefined;
  }

  startUpload(): string {
    this.#nextUpload += 1;
    const id = `upload-${this.#nextUpload}`;
    this.uploads.set(id, Buffer.alloc(0));
    return id;
  }
}
