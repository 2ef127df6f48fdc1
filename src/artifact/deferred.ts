/** A source whose code is loaded by the first question: a command that finds its bytes in the cache asks none. */
import type { Digest } from "../model/digest.ts";
import type { Descriptor } from "../model/manifest.ts";
import type {
  BlobIdentity,
  BlobStream,
  ByteRange,
  FetchedManifest,
  ManifestTime,
  OpenedBlob,
  Source,
  Target,
} from "../model/source.ts";

class DeferredTarget implements Target {
  readonly name: string;
  readonly mirrors: readonly Source[];
  readonly #load: () => Promise<Target>;
  #target: Promise<Target> | undefined;

  constructor(name: string, mirrors: readonly Source[], load: () => Promise<Target>) {
    this.name = name;
    this.mirrors = mirrors;
    this.#load = load;
  }

  async #open(): Promise<Target> {
    this.#target ??= this.#load();
    return await this.#target;
  }

  async fetchManifest(version: Digest | string, signal: AbortSignal): Promise<FetchedManifest> {
    return await (await this.#open()).fetchManifest(version, signal);
  }

  async resolve(version: Digest | string, signal: AbortSignal): Promise<Digest> {
    return await (await this.#open()).resolve(version, signal);
  }

  async openBlob(blob: BlobIdentity, range: ByteRange, signal: AbortSignal): Promise<OpenedBlob> {
    return await (await this.#open()).openBlob(blob, range, signal);
  }

  async listReferrers(digest: Digest, signal: AbortSignal): Promise<readonly Descriptor[]> {
    return await (await this.#open()).listReferrers(digest, signal);
  }

  async listTags(signal: AbortSignal): Promise<readonly string[]> {
    return await (await this.#open()).listTags(signal);
  }

  async hasBlob(blob: BlobIdentity, signal: AbortSignal): Promise<boolean> {
    return await (await this.#open()).hasBlob(blob, signal);
  }

  async hasManifest(digest: Digest, signal: AbortSignal): Promise<boolean> {
    return await (await this.#open()).hasManifest(digest, signal);
  }

  async manifestTime(digest: Digest, signal: AbortSignal): Promise<ManifestTime> {
    return await (await this.#open()).manifestTime(digest, signal);
  }

  async tagDigest(tag: string, signal: AbortSignal): Promise<Digest | undefined> {
    return await (await this.#open()).tagDigest(tag, signal);
  }

  async mountBlob(blob: BlobIdentity, from: Source, signal: AbortSignal): Promise<boolean> {
    // A registry looks at the class of the other one.
    const source = from instanceof DeferredTarget ? await from.#open() : from;
    return await (await this.#open()).mountBlob(blob, source, signal);
  }

  async pushBlob(blob: BlobIdentity, open: () => BlobStream, signal: AbortSignal): Promise<void> {
    await (await this.#open()).pushBlob(blob, open, signal);
  }

  async pushManifest(
    bytes: Uint8Array,
    mediaType: string,
    tag: string | undefined,
    signal: AbortSignal,
  ): Promise<Digest> {
    return await (await this.#open()).pushManifest(bytes, mediaType, tag, signal);
  }

  async deleteTag(tag: string, signal: AbortSignal): Promise<void> {
    await (await this.#open()).deleteTag(tag, signal);
  }

  async deleteManifest(digest: Digest, signal: AbortSignal): Promise<void> {
    await (await this.#open()).deleteManifest(digest, signal);
  }
}

/** @param load Loads the code and opens the target; called once. */
export function deferredTarget(name: string, mirrors: readonly Source[], load: () => Promise<Target>): Target {
  return new DeferredTarget(name, mirrors, load);
}
