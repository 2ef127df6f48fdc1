/** Uploads to the CAS of a remote engine, as any client of the fleet can make them. */
import { randomUUID } from "node:crypto";
import { connect } from "node:http2";
import { field, framed } from "./protobuf.ts";
import type { RemoteEngine } from "./remote-engine.ts";

/** `finish_write` of `WriteRequest`. */
const finished = Buffer.from([3 * 8, 1]);

/**
 * Says that `bytes` have the digest.
 *
 * @param digest `sha256:` and hex digits.
 * @returns Status of gRPC: `0` if the CAS took them.
 * @see google/bytestream/bytestream.proto
 */
export function uploadAs({ config }: RemoteEngine, digest: string, bytes: Buffer): Promise<string> {
  const address = /cas_address = grpc:(\S+)/.exec(config)?.[1];
  const name = `uploads/${randomUUID()}/blobs/${digest.slice("sha256:".length)}/${bytes.length}`;
  const session = connect(`http:${address}`);
  return new Promise((resolve, reject) => {
    session.on("error", reject);
    const path = "/google.bytestream.ByteStream/Write";
    const stream = session.request({ ":method": "POST", ":path": path, "content-type": "application/grpc" });
    let status = "";
    for (const event of ["response", "trailers"] as const) {
      stream.on(event, (headers) => {
        status ||= String(headers["grpc-status"] ?? "");
      });
    }
    stream.on("error", reject);
    stream.on("close", () => {
      session.destroy();
      resolve(status);
    });
    stream.resume();
    stream.end(framed(Buffer.concat([field(1, Buffer.from(name)), finished, field(10, bytes)])));
  });
}
