/** A mirror that wants to hold us up: its answer is an error of its own, it has a share of the time, and the next source is asked. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { aliasesOfLoopback } from "../support/hosts-alias.ts";
import { every, type RawAnswer, startRawServer } from "../support/raw-server.ts";
import { type Handler, startServer, type TestServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import type { Ran } from "../support/run.ts";
import { alongside } from "../support/test-end.ts";

const content = "0123456789".repeat(30_000);
const blobsOf = ({ seen }: TestServer) => seen.filter(({ url }) => url.includes("/blobs/"));

interface Pull {
  readonly timeouts?: object;
  readonly args?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** Pulls `t/tool:1` from `origin`, with mirrors before it. */
async function pull(origin: { readonly host: string }, mirrors: readonly string[], options: Pull = {}): Promise<Ran> {
  const dir = temporaryFolder();
  const named = { prefix: `${origin.host}/t`, mirrors: mirrors.map((host) => `${host}/m`) };
  const timeouts = { idleSeconds: 3, ...options.timeouts };
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ timeouts, registries: { acme: named } }));
  const args = ["pull", `${origin.host}/t/tool:1`, "-o", "out", ...(options.args ?? ["--timeout", "120"])];
  const env = { BUCK2_ORAS_CACHE_DIR: join(dir, "cache"), ...options.env };
  const ran = await oras(args, { cwd: dir, env });
  if (ran.exitCode === 0) expect(readFileSync(join(dir, "out", "tool"), "latin1") === content).toBe(true);
  return ran;
}

const ok = (length: number): string => `HTTP/1.1 200 OK\r\ncontent-length: ${length}\r\n`;
const drip =
  (head: string): RawAnswer =>
  (socket) => {
    socket.write(head);
    every(400, socket, "x");
  };
/** A byte for each request, from where it asks. */
const miser: RawAnswer = (socket, head) => {
  const first = Number(/range: bytes=([0-9]+)-/i.exec(head)?.[1] ?? 0);
  const range = `bytes ${first}-${content.length - 1}/${content.length}`;
  const status = first === 0 ? "200 OK" : `206 Partial Content\r\ncontent-range: ${range}`;
  socket.write(`HTTP/1.1 ${status}\r\ncontent-length: ${content.length - first}\r\n\r\n${content[first]}`);
  setTimeout(() => socket.destroy(), 50);
};

const answers: Readonly<Record<string, RawAnswer>> = {
  "changes the protocol (101)": (socket) =>
    socket.write("HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n"),
  "informs without end (103)": (socket) => every(20, socket, "HTTP/1.1 103 Early Hints\r\nlink: <x>\r\n\r\n"),
  "informs now and then (102)": (socket) => every(400, socket, "HTTP/1.1 102 Processing\r\n\r\n"),
  "brings a byte of its headers now and then": drip("HTTP/1.1 200 OK\r\nx-long: "),
  "brings a byte of its body now and then": drip(`${ok(content.length)}\r\n`),
  "brings a chunk of a byte now and then": (socket) => {
    socket.write("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n");
    every(400, socket, "1\r\nx\r\n");
  },
  "brings one byte with each connection": miser,
  "says nothing": () => {},
  "hangs up": (socket) => socket.destroy(),
  "speaks another protocol": (socket) => socket.end("SSH-2.0-OpenSSH_9.9\r\n"),
  "begins without a status": (socket) => socket.end("content-length: 0\r\n\r\n"),
  "states two lengths": (socket) => socket.end(`${ok(10)}transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n`),
  "states a shorter length": (socket) => socket.end(`${ok(10)}\r\n${content}`),
  "states a longer length": (socket) => socket.end(`${ok(content.length + 10)}\r\n${content.slice(0, -1)}x`),
  "has no content (204) and sends some": (socket) =>
    socket.end(`HTTP/1.1 204 No Content\r\ncontent-length: 5\r\n\r\nhello`),
  "redirects to itself without end": (socket, head) => {
    const path = head.split(" ", 2)[1] ?? "/";
    socket.write(`HTTP/1.1 307 Temporary Redirect\r\nlocation: ${path}x\r\ncontent-length: 0\r\n\r\n`);
  },
  "sends 100 kB of headers": (socket) => socket.end(`${ok(1)}x-long: ${"x".repeat(100_000)}\r\n\r\nx`),
};

// All of these wait for most of their time.
test.concurrent.for(Object.keys(answers))(
  "a mirror that %s: the registry is asked in time",
  alongside(async (what: string) => {
    const mirror = await startRawServer(answers[what] ?? (() => {}));
    const origin = await startServer(serveTool(content));
    const ran = await pull(origin, [mirror.host]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain(`warning: the mirror ${mirror.host}/m/tool failed: `);
    expect(mirror.seen.length).toBeGreaterThan(0);
    expect(blobsOf(origin).length).toBeGreaterThan(0);
  }),
);

test.concurrent(
  "a mirror whose TLS never gets further: the registry is asked in time",
  alongside(async () => {
    // The head of a record, and then a byte of it now and then.
    const mirror = await startRawServer(drip("\x16\x03\x03\x00\x7a"));
    const origin = await startServer(serveTool(content));
    const host = mirror.host.replace("127.0.0.1", "mirror.test");
    const ran = await pull(origin, [host], { env: aliasesOfLoopback("mirror.test") });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).toContain(`warning: the mirror ${host}/m/tool failed: `);
  }),
);

test.concurrent(
  "three mirrors that hold us up, and little time: the registry is asked before it is over",
  alongside(async () => {
    const mirrors = await Promise.all([() => {}, drip(`${ok(content.length)}\r\n`), miser].map(startRawServer));
    const origin = await startServer(serveTool(content));
    const ran = await pull(
      origin,
      mirrors.map(({ host }) => host),
      { timeouts: { idleSeconds: 30 }, args: ["--timeout", "60"] },
    );
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(blobsOf(origin)).toHaveLength(1);
  }),
);

/** @param bytesPerSecond Of all but the first `at` bytes. */
function slowly(bytesPerSecond: number, at = 0): Handler {
  return (_request, response) => {
    response.writeHead(200, { "content-length": content.length });
    response.write(content.slice(0, at));
    const slice = Math.ceil(bytesPerSecond / 20);
    let position = at;
    const timer = setInterval(() => {
      response.write(content.slice(position, position + slice));
      position += slice;
      if (position >= content.length) response.end();
    }, 50);
    response.on("close", () => clearInterval(timer));
  };
}

test.concurrent(
  "a mirror that brings 50 kB in a second all the time is used to the end",
  alongside(async () => {
    const mirror = await startServer(serveTool(content, slowly(50_000)));
    const origin = await startServer(serveTool(content));
    const ran = await pull(origin, [mirror.host], { timeouts: { idleSeconds: 5 } });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(blobsOf(origin)).toEqual([]);
  }),
);

test.concurrent(
  "a mirror that becomes slow: the registry is asked for what is missing",
  alongside(async () => {
    const mirror = await startServer(serveTool(content, slowly(100, 200_000)));
    const origin = await startServer(serveTool(content));
    const ran = await pull(origin, [mirror.host]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    const ranges = blobsOf(origin).map(({ headers }) => Number(/^bytes=([0-9]+)-$/.exec(headers.range ?? "")?.[1]));
    expect(ranges.length).toBeGreaterThan(0);
    for (const first of ranges) expect(first).toBeGreaterThanOrEqual(200_000);
  }),
);

test.concurrent(
  "a slow mirror of a registry that cannot be reached is asked once more, and has all the time",
  alongside(async () => {
    const mirror = await startServer(serveTool(content, slowly(3000, content.length - 20_000)));
    const broken: Handler = (_request, response) => response.destroy();
    const origin = await startServer(serveTool(content, broken));
    const ran = await pull(origin, [mirror.host]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(blobsOf(mirror)).toHaveLength(2);
  }),
);

test.concurrent(
  "the registry itself: none of it is a defect, and the deadline is kept",
  alongside(async () => {
    const ends = await Promise.all(
      Object.entries(answers).map(async ([what, answer]) => {
        const registry = await startRawServer(answer);
        const ran = await pull(registry, [], { args: ["--timeout", "10"] });
        expect(ran.stderr, what).not.toContain("INTERNAL");
        return { what, isError: [65, 69, 75].includes(ran.exitCode ?? 0) };
      }),
    );
    expect(ends.filter(({ isError }) => !isError)).toEqual([]);
  }),
);
