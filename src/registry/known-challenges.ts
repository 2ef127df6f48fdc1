/**
 * The token services that hosts named in this process. Another repository of the host asks the service at once, and
 * saves the refused request. Nothing is kept for the next process: see docs/architecture.md.
 */
import type { Challenge } from "./challenge.ts";

export class KnownChallenges {
  readonly #byOrigin = new Map<string, Challenge | "unfit">();

  /** The Bearer challenge of the origin, for any repository. */
  get(origin: string): Challenge | undefined {
    const known = this.#byOrigin.get(origin);
    return known === "unfit" ? undefined : known;
  }

  /** Notes a challenge that led to a token. Scopes of its own repository are dropped. */
  note(origin: string, { scheme, parameters }: Challenge): void {
    if (this.#byOrigin.has(origin)) return;
    const opaque = (parameters.get("scope") ?? "").split(" ").filter((one) => !one.includes(":"));
    this.#byOrigin.set(origin, { scheme, parameters: new Map([...parameters, ["scope", opaque.join(" ")]]) });
  }

  /** Ends the use of an origin's challenge: its repositories have token services of their own. */
  refuse(origin: string): void {
    this.#byOrigin.set(origin, "unfit");
  }
}
