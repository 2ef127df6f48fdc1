/** An answer: its head at once, its body at the reader's pace. */
import type { IncomingMessage } from "node:http";
import { ContentVerificationError } from "../errors.ts";
import { networkError } from "./network-error.ts";

export interface HttpResponse {
  readonly status: number;
  /** Where the answer came from, after redirects. */
  readonly url: URL;
  /** @param name lower-case; repeated headers are joined with `, ` */
  header(name: string): string | undefined;
  /** The body, at the reader's pace; every failure of the network is a `RegistryUnavailableError`. */
  stream(): AsyncIterable<Uint8Array>;
  /** @throws {ContentVerificationError} `RESPONSE_INVALID` for a body over `maxBytes` */
  bytes(maxBytes: number): Promise<Uint8Array>;
  /** Gives the connection back without reading a long body. */
  discard(): Promise<void>;
}

/** Longer bodies are cheaper to cut off than to read to their end. */
const maxDiscardBytes = 64 * 1024;
/** Bytes of an error's body that are read. */
const maxErrorBytes = 64 * 1024;

function first(value: string | string[] | undefined): string | undefined {
  return Array.isArray(value) ? value.join(", ") : value;
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes;
}

async function* mapped(body: AsyncIterable<Uint8Array>, url: URL): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of body) yield chunk;
  } catch (error) {
    throw networkError(url, error);
  }
}

/** An answer as it comes in. */
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

  /** Reads the body now, unless it says that it is longer; of what is no success a beginning. */
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
        // Without the path, which may be that of a signed address.
        throw new ContentVerificationError(
          "RESPONSE_INVALID",
          `the answer of ${this.url.host} is over ${maxBytes} bytes`,
        );
      }
      chunks.push(chunk);
    }
    return Buffer.concat(chunks);
  }

  /** The status counts, however long the body is, and whether or not it comes whole. */
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
      // What came until then is what there is.
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
      // Nobody wanted the body.
    }
  }
}
