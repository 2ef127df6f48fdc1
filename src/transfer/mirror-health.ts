/** Health of the mirrors during one request: a failed mirror is not asked again for each blob. */
import type { OrasClientError } from "../errors.ts";
import type { Digest } from "../model/digest.ts";
import type { Source } from "../model/source.ts";

/** True for a fault of the whole host, not of one repository. */
export function isHostFault({ side }: OrasClientError): boolean {
  return side === "network" || side === "time";
}

export class MirrorHealth {
  readonly #failed = new Set<string>();
  readonly #slow = new Set<string>();

  /** Answers for a manifest at a source: whether the source has the manifest; undefined if the question was dropped. */
  readonly #manifests = new Map<string, Promise<boolean | undefined>>();

  isFit(mirror: Source): boolean {
    return !this.#failed.has(mirror.name) && !this.#failed.has(hostOf(mirror));
  }

  /** True after a timeout. */
  isSlow(mirror: Source): boolean {
    return this.#slow.has(mirror.name);
  }

  note(mirror: Source, error: OrasClientError): void {
    // Missing content says nothing about the mirror's other content.
    if (error.side === "absence") return;
    if (error.code === "TIMED_OUT") this.#slow.add(mirror.name);
    this.#failed.add(isHostFault(error) ? hostOf(mirror) : mirror.name);
  }

  /** True if the source has the manifest. The source is asked once, whatever number of the manifest's blobs it lacks. */
  async hasManifest(source: Source, digest: Digest, signal: AbortSignal): Promise<boolean> {
    const key = `${source.name}@${digest}`;
    for (;;) {
      const known = this.#manifests.get(key);
      const asked = known ?? askForManifest(source, digest, signal);
      this.#manifests.set(key, asked);
      const answer = await asked;
      signal.throwIfAborted();
      if (answer !== undefined) return answer;
      // The request that asked was dropped, which says nothing about the source: the first who waited asks again.
      if (this.#manifests.get(key) === asked) this.#manifests.delete(key);
    }
  }
}

/** Undefined if the signal ended the question. */
async function askForManifest(source: Source, digest: Digest, signal: AbortSignal): Promise<boolean | undefined> {
  try {
    await source.fetchManifest(digest, signal);
    return true;
  } catch {
    return signal.aborted ? undefined : false;
  }
}

function hostOf({ name }: Source): string {
  return name.split("/", 1)[0] ?? name;
}
