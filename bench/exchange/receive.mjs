/** Hashes bodies on their way into files, four at a time: what any client of blobs does at least. */
import { createHash } from "node:crypto";
import { createWriteStream } from "node:fs";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";

const atATime = 4;

async function receive(body, digest, output) {
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

/**
 * @param args Folder of the output, then the blobs' addresses, which end with the digest.
 * @param open Takes an address, and resolves with the body.
 */
export async function receiveAll([folder, ...urls], open) {
  const waiting = urls.entries();
  const take = async () => {
    for (const [index, url] of waiting)
      await receive(await open(url), url.split("/").at(-1), join(folder, String(index)));
  };
  await Promise.all(Array.from({ length: atATime }, take));
}
