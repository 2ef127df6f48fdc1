/** Decision about plain http to registries. */
import { UsageError } from "../errors.ts";
import type { Settings } from "./settings.ts";

/** `anonymous`: plain http without a login, since only a checkout allows or names the host. */
export type PlainHttpUse = "no" | "anonymous" | "yes";

/**
 * Loopback needs no encryption: the traffic stays on this machine.
 *
 * @param registry With or without a port.
 */
export function isLoopback(registry: string): boolean {
  const host = registry.replace(/:[0-9]+$/, "");
  return host === "localhost" || host === "[::1]" || /^127(?:\.[0-9]{1,3}){3}$/.test(host);
}

/**
 * A bare `--plain-http` applies to one registry: with two registries, the wrong registry's login could go over the
 * network in clear text. If only the checkout names the registry (by its lock, names or default registry), no login is
 * sent. One instance per command, or for all requests of a worker.
 */
export class PlainHttp {
  readonly #settings: Settings;
  readonly #isForRequests: boolean;
  /** Hosts named on the command line, in the environment, or in the user's own file. */
  readonly #named: Set<string>;
  #meant: string | undefined;

  /** @param isForRequests True for the services of many requests: a bare `--plain-http` applies to the registry of each. */
  constructor(settings: Settings, isForRequests: boolean) {
    this.#settings = settings;
    this.#isForRequests = isForRequests;
    const { ownRegistry, registries } = settings;
    const own = [...registries.values()].filter(({ isOwn }) => isOwn).map(({ prefix }) => prefix.registry);
    this.#named = new Set(ownRegistry === undefined ? own : [...own, ownRegistry]);
  }

  /** Records that the command line names the registry. */
  noteNamed(registry: string): void {
    this.#named.add(registry);
  }

  /**
   * Decides before the first request to a registry.
   *
   * @param isMirror A mirror uses plain http only if its host is listed.
   * @throws {UsageError} a bare `--plain-http` with a second candidate registry
   */
  use(registry: string, isMirror: boolean): PlainHttpUse {
    const { plainHttpHosts, anonymousHttpHosts, allowPlainHttp, httpsHosts, requiresTls } = this.#settings;
    if (requiresTls) return "no";
    if (plainHttpHosts.has(registry)) return "yes";
    // A forwarded port may lead to a server with TLS; then the file that says so decides.
    if (isLoopback(registry)) return httpsHosts.has(registry) ? "no" : "yes";
    if (isMirror || !allowPlainHttp) return anonymousHttpHosts.has(registry) ? "anonymous" : "no";
    this.#meant ??= registry;
    if (this.#isForRequests || this.#meant === registry) return this.#named.has(registry) ? "yes" : "anonymous";
    throw new UsageError("USAGE_INVALID", `--plain-http is ambiguous: ${this.#meant} or ${registry}`, {
      hint: "name the plain-http hosts: --plain-http=HOST or --plain-http=HOST,HOST",
    });
  }
}
