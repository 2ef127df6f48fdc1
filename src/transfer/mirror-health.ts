/** Which mirrors have failed, so that they are not tried for each blob again. */
import type { OrasClientError } from "../errors.ts";
import type { Source } from "../model/source.ts";

/** True for a fault of the host, whatever repository was asked for. */
export function isHostFault({ side }: OrasClientError): boolean {
  return side === "network" || side === "time";
}

/** Lives as long as the command. */
export class MirrorHealth {
  readonly #failed = new Set<string>();
  readonly #slow = new Set<string>();

  isFit(mirror: Source): boolean {
    return !this.#failed.has(mirror.name) && !this.#failed.has(hostOf(mirror));
  }

  /** It failed in nothing but that it took too long. */
  isSlow(mirror: Source): boolean {
    return this.#slow.has(mirror.name);
  }

  note(mirror: Source, error: OrasClientError): void {
    // It has not got this one thing, and may have the next.
    if (error.side === "absence") return;
    if (error.code === "TIMED_OUT") this.#slow.add(mirror.name);
    this.#failed.add(isHostFault(error) ? hostOf(mirror) : mirror.name);
  }
}

function hostOf({ name }: Source): string {
  return name.split("/", 1)[0] ?? name;
}
