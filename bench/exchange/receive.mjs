/** Hashes a body on its way into a file: what any client of one blob does at least. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { pipeline } from "node:stream/promises";

export async function receive(body, digest, output) {
  const hash = createHash("sha256");
  const hashed = async function* (chunks) {
    for await (const chunk of chunks) {
      hash.update(chunk);
      yield chunk;
    }
  };
  await pipeline(body, hashed, createWriteStream(output));
  if (`sha256:${hash.digest("hex")}` !== digest) throw new Error("another digest");
}
