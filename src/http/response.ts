/** An HTTP response: the head at once, the body as a stream with backpressure. */
import type { IncomingMessage } from "node:http";
import { ContentVerificationError } from "../errors.ts";
import { markOwned } from "../files/released-bytes.ts";
import { networkError } from "./network-error.ts";

export interface HttpResponse {
  readonly status: number;
  /** URL of the response, after redirects. */
  readonly url: URL;
  /** @param name lower-case; repeated headers are joined with `, ` */
  header(name: string): string | undefined;
  /** The body as a stream; every network failure is a `RegistryUnavailableError`. */
  stream(): AsyncIterable<Uint8Array>;
  /** @throws {ContentVerificationError} `RESPONSE_INVALID` for a body over `maxBytes` */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** Releases the connection without reading a long body. */
  discard(): Promise<void>;
}

/** Above this size, closing the connection is cheaper than reading the rest. */
const maxDiscardBytes = 64 * 1024;
/** Maximum bytes read of a non-2xx body. */
const maxErrorBytes = 64 * 1024;

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* mapped(body: AsyncIterable<Uint8Array>, url: URL): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) {
      markOwned(chunk);
      yield chunk;
    }
  } catch (error) {
    throw networkError(url, error);
  }
}

export class Response implements HttpResponse {
  readonly status: number;
  readonly url: URL;
  readonly #raw: IncomingMessage;
  #buffered: Uint8Array | undefined;

  constructor(raw: IncomingMessage, url: URL) {
    this.status = raw.statusCode ?? 0;
    this.url = url;
    this.#raw = raw;
  }

  header(name: string): string | undefined {
    return first(this.#raw.headers[name]);
  }

  stream(): AsyncIterable<Uint8Array> {
    return this.#buffered === undefined ? mapped(this.#raw, this.url) : once(this.#buffered);
  }

  /** Reads the body now, unless its stated length exceeds `maxBytes`. Non-2xx: only the first 64 KiB are read. */
  async buffer(maxBytes: number): Promise<void> {
    if (this.status < 200 || this.status > 299) this.#buffered = await this.#beginning();
    else if (Number(this.header("content-length") ?? 0) <= maxBytes) this.#buffered = await this.bytes(maxBytes);
  }

  async bytes(maxBytes: number): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.stream()) {
      size += chunk.byteLength;
      if (size > maxBytes) {
        // The path may be a secret of a signed URL.
        throw new ContentVerificationError(
          "RESPONSE_INVALID",
          `the answer of ${this.url.host} is over ${maxBytes} bytes`,
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** Reads a truncated body without an error: the status counts, not the body. */
  async #beginning(): Promise<Uint8Array> {
    const chunks: Uint8Array[] = [];
    let size = 0;
    try {
      for await (const chunk of this.stream()) {
        chunks.push(chunk);
        size += chunk.byteLength;
        if (size >= maxErrorBytes) break;
      }
    } catch {
      // The bytes before the failure suffice.
    }
    return Buffer.concat(chunks).subarray(0, maxErrorBytes);
  }

  async discard(): Promise<void> {
    if (this.#buffered !== undefined) return;
    let size = 0;
    try {
      for await (const chunk of this.#raw as AsyncIterable<Uint8Array>) {
        size += chunk.byteLength;
        if (size > maxDiscardBytes) return;
      }
    } catch {
      // The body is unwanted, so its error is too.
    }
  }
}
