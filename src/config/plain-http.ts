/** Which registries are talked to over http although they are not on loopback. */
import { UsageError } from "../errors.ts";
import type { Settings } from "./settings.ts";

/** `anonymous`: yes, and no login is shown there, since a checkout alone says so. */
export type PlainHttpUse = "no" | "anonymous" | "yes";

/**
 * A bare `--plain-http` is for one registry: a command that names two could not say which, and the login of the other one
 * would go over the network in the clear. Lives as long as the command.
 */
export class PlainHttp {
  readonly #settings: Settings;
  #meant: string | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
  }

  /**
   * Asked before any request is made.
   *
   * @param isNamed A person named the registry; a mirror is plain only where its host is listed.
   * @param isLoopback It is plain in any case.
   * @throws {UsageError} a bare `--plain-http`, and this is the second registry that it might be for
   */
  use(registry: string, isNamed: boolean, isLoopback: boolean): PlainHttpUse {
    const { plainHttpHosts, anonymousHttpHosts, allowPlainHttp } = this.#settings;
    if (isLoopback || plainHttpHosts.has(registry)) return "yes";
    if (!isNamed || !allowPlainHttp) return anonymousHttpHosts.has(registry) ? "anonymous" : "no";
    this.#meant ??= registry;
    if (this.#meant === registry) return "yes";
    throw new UsageError("USAGE_INVALID", `--plain-http does not say whether ${this.#meant} or ${registry} is meant`, {
      hint: "name the hosts that speak http: --plain-http=HOST or --plain-http=HOST,HOST",
    });
  }
}
