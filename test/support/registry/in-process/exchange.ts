/** A request as the in-process registry sees it, and a reply before it is sent: faults change the latter. */

export interface RegistryRequest {
  readonly method: string;
  readonly url: URL;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string | undefined>>;
  readonly body: Buffer;
}

export interface Reply {
  readonly status: number;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** How it is sent, where it is not simply sent. */
  readonly manner?: Manner;
}

export interface Manner {
  /** The connection breaks after so many bytes of the body; -1 breaks it before the head. */
  readonly cutAfterBytes?: number;
  /** Nothing more comes after so many bytes of the body, and the connection stays. */
  readonly stallAfterBytes?: number;
  /** Before the head, in milliseconds. */
  readonly delayMs?: number;
  /** What is waited for before the head. */
  readonly until?: Promise<void>;
  /** Of the body, over this connection. */
  readonly bytesPerSecond?: number;
  /** No length is stated: the end of the connection is the end of the body. */
  readonly isUnsized?: boolean;
}

const empty = Buffer.alloc(0);

export function reply(status: number, headers: Reply["headers"] = {}, body: Buffer | string = empty): Reply {
  return { status, headers, body: Buffer.from(body) };
}

export function jsonReply(status: number, json: unknown, headers: Reply["headers"] = {}): Reply {
  return reply(status, { "content-type": "application/json", ...headers }, JSON.stringify(json));
}

/** @param code One of the distribution spec's error codes. */
export function errorReply(status: number, code: string): Reply {
  return jsonReply(status, { errors: [{ code, message: code.toLowerCase().replaceAll("_", " ") }] });
}
