/** A registry client over real sockets, without waiting between tries. */
import { setMaxListeners } from "node:events";
import type { Credentials, FoundCredentials } from "../../../src/model/credentials.ts";
import type { Target } from "../../../src/model/source.ts";
import { createRegistry } from "../../../src/registry/registry.ts";
import { testHttpClient } from "../http-client.ts";

export interface TestRegistryClient {
  readonly registry: Target;
  readonly signal: AbortSignal;
  /** Milliseconds that the client waited, in their order. */
  readonly waits: readonly number[];
  /** Verbose lines. */
  readonly lines: readonly string[];
}

export interface TestClientOptions {
  readonly credentials?: Credentials;
  /** Hosts that the credentials are for; the registry itself when left out. */
  readonly timeoutMs?: number;
  readonly repository?: string;
  /** Called at each wait, in its place. */
  readonly whileWaiting?: () => void;
}

export function registryClient(host: string, options: TestClientOptions = {}): TestRegistryClient {
  const changes = options.timeoutMs === undefined ? {} : { deadlineMs: Date.now() + options.timeoutMs };
  const { http, context, waits } = testHttpClient(changes, options.whileWaiting);
  const none: Credentials = { kind: "none" };
  const credentials = (registry: string): Promise<FoundCredentials> => {
    const found = registry === host ? (options.credentials ?? none) : none;
    return Promise.resolve({ credentials: found, foundIn: "test" });
  };
  const location = { kind: "registry", registry: host, repository: options.repository ?? "t/tool" } as const;
  const { signal } = new AbortController();
  setMaxListeners(0, signal);
  return {
    registry: createRegistry(location, { http, credentials, context, isPlainHttp: true, mirrors: [] }),
    signal,
    waits,
    lines: context.lines,
  };
}

export async function collect(stream: AsyncIterable<Uint8Array>): Promise<string> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}
