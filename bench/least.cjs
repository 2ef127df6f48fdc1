/**
 * The least that Node needs for a blob: to fetch it from an open registry, or to copy it from a file; to hash it and to write it. No settings, no
 * login, no second look, no cleaning up. Nothing that runs on Node can be faster.
 *
 * `node least.cjs URL|FILE OUTPUT DIGEST`
 */
const { createHash } = require("node:crypto");
const { closeSync, createReadStream, openSync, writeSync } = require("node:fs");

const [source, output, digest] = process.argv.slice(2);
const hash = createHash("sha256");
const file = openSync(output, "w");

function read(stream) {
  stream.on("data", (chunk) => {
    hash.update(chunk);
    writeSync(file, chunk);
  });
  stream.on("end", () => {
    closeSync(file);
    process.exit(`sha256:${hash.digest("hex")}` === digest ? 0 : 1);
  });
}

if (source.startsWith("http:")) require("node:http").get(source, read);
else read(createReadStream(source, { highWaterMark: 1024 * 1024 }));
