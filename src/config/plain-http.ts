/** Which registries are talked to over http although they are not on loopback. */
import { UsageError } from "../errors.ts";
import type { Settings } from "./settings.ts";

/** `anonymous`: yes, and no login is shown there, since a checkout alone allows it, or names the host. */
export type PlainHttpUse = "no" | "anonymous" | "yes";

/**
 * A bare `--plain-http` is for one registry: a command that names two could not say which, and the login of the other one
 * would go over the network in the clear. A checkout's lock, names or default registry may say which one it is: then it is shown no
 * login. Lives as long as the command.
 */
export class PlainHttp {
  readonly #settings: Settings;
  /** Hosts that stand on the command line, in the environment, or in the user's own file. */
  readonly #named: Set<string>;
  #meant: string | undefined;

  constructor(settings: Settings) {
    this.#settings = settings;
    const { ownRegistry, registries } = settings;
    const own = [...registries.values()].filter(({ isOwn }) => isOwn).map(({ prefix }) => prefix.registry);
    this.#named = new Set(ownRegistry === undefined ? own : [...own, ownRegistry]);
  }

  /** The command line names the registry. */
  noteNamed(registry: string): void {
    this.#named.add(registry);
  }

  /**
   * Asked before any request is made.
   *
   * @param isMirror It is plain only where its host is listed.
   * @param isLoopback It is plain in any case.
   * @throws {UsageError} a bare `--plain-http`, and this is the second registry that it might be for
   */
  use(registry: string, isMirror: boolean, isLoopback: boolean): PlainHttpUse {
    const { plainHttpHosts, anonymousHttpHosts, allowPlainHttp } = this.#settings;
    if (isLoopback || plainHttpHosts.has(registry)) return "yes";
    if (isMirror || !allowPlainHttp) return anonymousHttpHosts.has(registry) ? "anonymous" : "no";
    this.#meant ??= registry;
    if (this.#meant === registry) return this.#named.has(registry) ? "yes" : "anonymous";
    throw new UsageError("USAGE_INVALID", `--plain-http does not say whether ${this.#meant} or ${registry} is meant`, {
      hint: "name the hosts that speak http: --plain-http=HOST or --plain-http=HOST,HOST",
    });
  }
}
