/** Which registries are talked to over http although they are not on loopback. */
import { UsageError } from "../errors.ts";
import type { Settings } from "./settings.ts";

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
  allows(registry: string, isNamed: boolean, isLoopback: boolean): boolean {
    if (isLoopback || this.#settings.plainHttpHosts.has(registry)) return true;
    if (!isNamed || !this.#settings.allowPlainHttp) return false;
    this.#meant ??= registry;
    if (this.#meant === registry) return true;
    throw new UsageError("USAGE_INVALID", `--plain-http does not say whether ${this.#meant} or ${registry} is meant`, {
      hint: "name the hosts that speak http: --plain-http=HOST or --plain-http=HOST,HOST",
    });
  }
}
