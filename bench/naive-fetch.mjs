// What a first attempt looks like: Node's own `fetch` (undici), the whole body in memory, one hash, one file; no cache.
import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";

const [url, digest, output] = process.argv.slice(2);
const response = await fetch(url);
const body = Buffer.from(await response.arrayBuffer());
if (`sha256:${createHash("sha256").update(body).digest("hex")}` !== digest) throw new Error("another digest");
await writeFile(output, body, { mode: 0o755 });
