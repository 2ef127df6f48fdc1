/**
 * The messages of Buck2's protocol for persistent workers, and the frame of gRPC around one message.
 *
 * @see worker.proto of Buck2 (app/buck2_worker_proto): `ExecuteCommand`, `ExecuteResponse`
 * @see Protocol Buffers, "Encoding"; gRPC over HTTP2, "Length-Prefixed-Message"
 */
import { UsageError } from "../errors.ts";

export interface WorkerResponse {
  readonly exitCode: number;
  /** Text that Buck2 shows. */
  readonly stderr: string;
}

/** Bytes before a message: whether it is compressed, and its length. */
const prefixBytes = 5;

const wireTypes = { varint: 0, fixed64: 1, bytes: 2, fixed32: 5 } as const;

function unreadable(why: string): UsageError {
  return new UsageError("USAGE_INVALID", `unreadable request of a worker's client: ${why}`, {
    hint: "update `buck2-oras` or Buck2, or set `worker = False` at the `oras_toolchain`",
  });
}

/** A whole body of one uncompressed message. */
function unframe(body: Buffer): Buffer {
  if (body.length < prefixBytes || body.readUInt32BE(1) !== body.length - prefixBytes) throw unreadable("no message");
  if (body[0] !== 0) throw unreadable("a compressed message");
  return body.subarray(prefixBytes);
}

function frame(message: Buffer): Buffer {
  const prefix = Buffer.alloc(prefixBytes);
  prefix.writeUInt32BE(message.length, 1);
  return Buffer.concat([prefix, message]);
}

/** Reads the fields of a message in order. */
class Fields {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  varint(): number {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = this.#bytes[this.#at];
      if (byte === undefined || scale > Number.MAX_SAFE_INTEGER) throw unreadable("a number without an end");
      this.#at += 1;
      value += (byte & 0x7f) * scale;
      if (byte < 0x80) return value;
    }
  }

  bytes(length: number): Buffer {
    if (length > this.#bytes.length - this.#at) throw unreadable("a field beyond the message");
    this.#at += length;
    return this.#bytes.subarray(this.#at - length, this.#at);
  }

  /** The value of a field with bytes; undefined for another field, which is skipped. */
  value(wireType: number): Buffer | undefined {
    switch (wireType) {
      case wireTypes.varint:
        this.varint();
        return undefined;
      case wireTypes.fixed64:
        this.bytes(8);
        return undefined;
      case wireTypes.fixed32:
        this.bytes(4);
        return undefined;
      case wireTypes.bytes:
        return this.bytes(this.varint());
      default:
        throw unreadable(`a field of type ${wireType}`);
    }
  }
}

const argvField = 1;

/**
 * Arguments of the request in a body. The request's environment is not read: the worker's own counts, as it is of the
 * same Buck2 daemon.
 *
 * @throws {UsageError} `USAGE_INVALID` for a body that is no such request
 */
export function readCommand(body: Buffer): readonly string[] {
  const fields = new Fields(unframe(body));
  const argv: string[] = [];
  while (fields.hasMore()) {
    const tag = fields.varint();
    const value = fields.value(tag & 0b111);
    if (tag >>> 3 === argvField && value !== undefined) argv.push(value.toString("utf8"));
  }
  return argv;
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 0x80);
  return Buffer.from([...bytes, rest]);
}

const exitCodeField = 1;
const stderrField = 2;

export function writeResponse({ exitCode, stderr }: WorkerResponse): Buffer {
  const text = Buffer.from(stderr);
  return frame(
    Buffer.concat([
      varint((exitCodeField << 3) | wireTypes.varint),
      varint(exitCode),
      varint((stderrField << 3) | wireTypes.bytes),
      varint(text.length),
      text,
    ]),
  );
}
