/** `node throttle.mjs PORT TARGET_PORT BYTES_PER_SECOND`: a link of a certain speed in front of a server on loopback. */
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const [port, targetPort, bytesPerSecond] = process.argv.slice(2).map(Number);
const sliceMs = 5;
const sliceBytes = Math.max(1, Math.floor((bytesPerSecond * sliceMs) / 1000));

/** One link for all connections, as a machine has one. */
let freeAtMs = 0;

async function send(from, to) {
  for await (const chunk of from) {
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      const piece = chunk.subarray(start, start + sliceBytes);
      const now = performance.now();
      freeAtMs = Math.max(freeAtMs, now) + (piece.length / bytesPerSecond) * 1000;
      // Timers are coarse: what is owed is slept off once it is worth it.
      if (freeAtMs - now > sliceMs) await delay(freeAtMs - now);
      if (!to.write(piece)) await new Promise((resolve) => to.once("drain", resolve).once("close", resolve));
    }
  }
  to.end();
}

createServer((client) => {
  const server = connect(targetPort, "127.0.0.1");
  client.on("error", () => server.destroy());
  server.on("error", () => client.destroy());
  client.pipe(server);
  send(server, client).catch(() => client.destroy());
}).listen(port, "127.0.0.1");
