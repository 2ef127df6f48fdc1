/**
 * The token services that hosts named in this process. Another repository of the host asks the service at once, and
 * saves the refused request. Nothing is kept for the next process: see docs/architecture.md.
 *
 * A service is known to the login that it has seen, and to no other: the repositories of a host may have several owners,
 * each with a login and a service of its own.
 */
import type { Credentials } from "../model/credentials.ts";
import type { Challenge } from "./challenge.ts";

function keyOf(origin: string, credentials: Credentials): string {
  return JSON.stringify([origin, credentials]);
}

export class KnownChallenges {
  readonly #byLogin = new Map<string, Challenge | "unfit">();
  readonly #origins = new Set<string>();

  /** Whether a service of the origin is known to any login. */
  has(origin: string): boolean {
    return this.#origins.has(origin);
  }

  /** The Bearer challenge of the origin, for any repository with this login. */
  get(origin: string, credentials: Credentials): Challenge | undefined {
    const known = this.#byLogin.get(keyOf(origin, credentials));
    return known === "unfit" ? undefined : known;
  }

  /** Notes a challenge that led to a token. Scopes of its own repository are dropped. */
  note(origin: string, credentials: Credentials, { scheme, parameters }: Challenge): void {
    const key = keyOf(origin, credentials);
    if (this.#byLogin.has(key)) return;
    const opaque = (parameters.get("scope") ?? "").split(" ").filter((one) => !one.includes(":"));
    this.#byLogin.set(key, { scheme, parameters: new Map([...parameters, ["scope", opaque.join(" ")]]) });
    this.#origins.add(origin);
  }

  /**
   * Drops a challenge whose service failed, or hung until somebody's patience ended: no further repository waits for it ahead of its own
   * challenge. The next token notes it again.
   */
  forget(origin: string, credentials: Credentials): void {
    const key = keyOf(origin, credentials);
    if (this.#byLogin.get(key) !== "unfit") this.#byLogin.delete(key);
  }

  /** Ends the use of a challenge: the origin's repositories have token services of their own. */
  refuse(origin: string, credentials: Credentials): void {
    this.#byLogin.set(keyOf(origin, credentials), "unfit");
  }
}
