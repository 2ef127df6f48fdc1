/** `node throttle.mjs PORT TARGET_PORT LIMITS`: a link with the limits of `startLink` in front of a server on loopback. */
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const [port, targetPort] = process.argv.slice(2, 4).map(Number);
const { bytesPerSecond, bytesPerSecondEach, latencyMs } = JSON.parse(process.argv[4]);
const sliceMs = 5;
const sliceBytes = Math.max(1, Math.floor((Math.min(bytesPerSecond, bytesPerSecondEach) * sliceMs) / 1000));

/** One link for all connections, as a machine has one. */
let linkFreeAtMs = 0;

async function send(from, to) {
  let ownFreeAtMs = 0;
  for await (const chunk of from) {
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      const piece = chunk.subarray(start, start + sliceBytes);
      const now = performance.now();
      linkFreeAtMs = Math.max(linkFreeAtMs, now) + (piece.length / bytesPerSecond) * 1000;
      ownFreeAtMs = Math.max(ownFreeAtMs, now) + (piece.length / bytesPerSecondEach) * 1000;
      // Timers are coarse: what is owed is slept off once it is worth it.
      const owedMs = Math.max(linkFreeAtMs, ownFreeAtMs) - now;
      if (owedMs > sliceMs) await delay(owedMs);
      if (!to.write(piece)) await new Promise((resolve) => to.once("drain", resolve).once("close", resolve));
    }
  }
  to.end();
}

async function ask(from, to) {
  for await (const chunk of from) {
    if (latencyMs > 0) await delay(latencyMs);
    to.write(chunk);
  }
  to.end();
}

createServer((client) => {
  const server = connect(targetPort, "127.0.0.1");
  client.on("error", () => server.destroy());
  server.on("error", () => client.destroy());
  ask(client, server).catch(() => server.destroy());
  send(server, client).catch(() => client.destroy());
}).listen(port, "127.0.0.1");
