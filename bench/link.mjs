/**
 * `node link.mjs TARGET_PORT LIMITS`: a slow link in front of a server on loopback. Prints its port.
 *
 * Limits, all optional: `bitsPerSecond` of all answers together, `bitsPerSecondEach` of one connection, `roundTripMs`, and
 * `breakAfterBytes`, after which a connection is cut. Each byte travels half a round trip. A connection costs one round trip
 * before its first byte, as the handshake of TCP does. Slow start and losses are left out.
 */
import { connect, createServer } from "node:net";
import { setTimeout as delay } from "node:timers/promises";

const targetPort = Number(process.argv[2]);
const {
  bitsPerSecond = Number.POSITIVE_INFINITY,
  bitsPerSecondEach = bitsPerSecond,
  roundTripMs = 0,
  breakAfterBytes = Number.POSITIVE_INFINITY,
} = JSON.parse(process.argv[3]);

/** A limited link is given to the connections in slices. */
const sliceMs = 5;
const slowest = Math.min(bitsPerSecond, bitsPerSecondEach);
const sliceBytes = Number.isFinite(slowest) ? Math.max(1, Math.floor((slowest / 8 / 1000) * sliceMs)) : 1 << 20;

/** When the link has sent all that it was given. */
let linkFreeAtMs = 0;

/** Resolves once the socket takes more, or is closed. */
async function written(socket, piece) {
  if (socket.destroyed || socket.write(piece)) return;
  await new Promise((resolve) => socket.once("drain", resolve).once("close", resolve));
}

/** A queue of bytes in flight: each arrives `lagMs` after it was sent, in order. */
function flight(socket, lagMs) {
  let last = Promise.resolve();
  return {
    send(piece, arrivesAtMs) {
      last = last.then(async () => {
        const wait = arrivesAtMs + lagMs - performance.now();
        if (wait > 0.5) await delay(wait);
        await written(socket, piece);
      });
      // Without a lag, the sender waits for the receiver; else the bytes in flight are what the link holds.
      return lagMs === 0 ? last : undefined;
    },
    end: () => void last.then(() => socket.end()),
  };
}

async function answer(from, to) {
  const line = flight(to, roundTripMs / 2);
  let ownFreeAtMs = 0;
  let sentBytes = 0;
  for await (const chunk of from) {
    for (let start = 0; start < chunk.length; start += sliceBytes) {
      const piece = chunk.subarray(start, start + sliceBytes);
      const now = performance.now();
      linkFreeAtMs = Math.max(linkFreeAtMs, now) + (piece.length * 8000) / bitsPerSecond;
      ownFreeAtMs = Math.max(ownFreeAtMs, now) + (piece.length * 8000) / bitsPerSecondEach;
      const sentAtMs = Math.max(linkFreeAtMs, ownFreeAtMs);
      // Timers are coarse: a debt is slept off once it is worth it.
      if (sentAtMs - now > sliceMs) await delay(sentAtMs - now);
      await line.send(piece, Math.min(sentAtMs, performance.now()));
      sentBytes += piece.length;
      if (sentBytes >= breakAfterBytes) {
        from.destroy();
        setTimeout(() => to.destroy(), roundTripMs / 2);
        return;
      }
    }
  }
  line.end();
}

async function ask(from, to) {
  const line = flight(to, roundTripMs / 2);
  const openAtMs = performance.now() + roundTripMs;
  for await (const chunk of from) await line.send(chunk, Math.max(openAtMs, performance.now()));
  line.end();
}

const link = createServer({ noDelay: true }, (client) => {
  const server = connect({ port: targetPort, host: "127.0.0.1", noDelay: true });
  client.on("error", () => {}).on("close", () => server.destroy());
  server.on("error", () => client.destroy());
  ask(client, server).catch(() => server.destroy());
  answer(server, client).catch(() => client.destroy());
}).listen(0, "127.0.0.1", () => console.log(link.address().port));
