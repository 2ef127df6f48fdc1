/** The executable as a persistent worker, and a client that calls it as Buck2 does. */
import { mkdirSync } from "node:fs";
import { connect } from "node:http2";
import { connect as connectSocket } from "node:net";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { oras } from "./executable.ts";
import { temporaryFolder } from "./folders.ts";
import { field, framed, varint } from "./protobuf.ts";
import type { Ran } from "./run.ts";
import { whenTestEnds } from "./test-end.ts";

export interface Answered {
  /** Of gRPC. */
  readonly status: string;
  readonly exitCode: number | undefined;
  readonly stderr: string | undefined;
}

const execute = "/worker.Worker/Execute";

export interface WorkerClient {
  /** Sends the beginning of a request. */
  readonly begin: (body: Buffer) => Promise<void>;
  readonly call: (path: string, body: Buffer, signal?: AbortSignal) => Promise<Answered>;
  readonly execute: (argv: readonly string[], options?: ExecuteOptions) => Promise<Answered>;
  readonly close: () => void;
}

export interface ExecuteOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** `ExecuteCommand` of Buck2's worker.proto, in its frame. */
export function commandOf(argv: readonly string[], env: Readonly<Record<string, string>> = {}): Buffer {
  const words = argv.map((word) => field(1, Buffer.from(word)));
  const entries = Object.entries(env).map(([key, value]) =>
    field(2, Buffer.concat([field(1, Buffer.from(key)), field(2, Buffer.from(value))])),
  );
  const timeout = Buffer.from([3 * 8, ...varint(600)]);
  return framed(Buffer.concat([...words, ...entries, timeout]));
}

/** `ExecuteResponse`, as `buck2-oras` writes it: exit code, then the text. */
function responseOf(body: Buffer): Pick<Answered, "exitCode" | "stderr"> {
  let at = 5;
  const number = (): number => {
    let value = 0;
    for (let scale = 1; ; scale *= 128) {
      const byte = body.readUInt8(at++);
      value += (byte % 128) * scale;
      if (byte < 128) return value;
    }
  };
  at += 1;
  const exitCode = number();
  at += 1;
  const length = number();
  return { exitCode, stderr: body.subarray(at, at + length).toString() };
}

/** @param windowBytes Bytes of an answer that the client takes. */
export function workerClient(socketPath: string, windowBytes = 65_535): WorkerClient {
  const settings = { initialWindowSize: windowBytes };
  const session = connect("http://localhost", { settings, createConnection: () => connectSocket(socketPath) });
  session.on("error", () => {});
  const begin: WorkerClient["begin"] = (body) =>
    new Promise((resolve) => {
      const stream = session.request({ ":method": "POST", ":path": execute, "content-type": "application/grpc" });
      stream.on("error", () => {});
      stream.write(body, () => resolve());
    });
  const call: WorkerClient["call"] = (path, body, signal) =>
    new Promise((resolve, reject) => {
      const headers = { ":method": "POST", ":path": path, "content-type": "application/grpc", te: "trailers" };
      const stream = session.request(headers, signal === undefined ? {} : { signal });
      const chunks: Buffer[] = [];
      let status: unknown;
      stream.on("response", (head) => {
        status = head["grpc-status"];
      });
      stream.on("trailers", (trailers) => {
        status ??= trailers["grpc-status"];
      });
      stream.on("data", (chunk: Buffer) => chunks.push(chunk));
      stream.on("error", reject);
      stream.on("close", () => {
        if (status === undefined) return reject(new Error("no answer"));
        const whole = Buffer.concat(chunks);
        const response = whole.length === 0 ? { exitCode: undefined, stderr: undefined } : responseOf(whole);
        resolve({ status: String(status), ...response });
      });
      stream.end(body);
    });
  return {
    call,
    begin,
    execute: (argv, { env, signal } = {}) => call(execute, commandOf(argv, env), signal),
    close: () => session.destroy(),
  };
}

export interface RunningWorker extends WorkerClient {
  readonly socketPath: string;
  readonly kill: (signal: NodeJS.Signals) => void;
  readonly ended: Promise<Ran>;
}

/** The path that Buck2 would choose, in a folder of the test. */
export function socketFolder(): string {
  const folder = join(temporaryFolder(), "build-0");
  mkdirSync(folder, { mode: 0o755 });
  return folder;
}

async function socketListens(path: string, ended: Promise<Ran>): Promise<void> {
  let end: Ran | undefined;
  void ended.then((ran) => {
    end = ran;
  });
  for (let tries = 0; tries < 1200; tries += 1) {
    if (end !== undefined) throw new Error(`the worker ended:\n${end.stderr}`);
    // A socket is there before somebody listens on it.
    const socket = connectSocket(path);
    const isHeard = await new Promise<boolean>((resolve) => {
      socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    });
    socket.destroy();
    if (isHeard) return;
    await delay(50);
  }
  throw new Error("nobody listens on the worker's socket");
}

interface WorkerOptions {
  readonly cwd: string;
  readonly env: Readonly<Record<string, string>>;
  /** Of the socket. */
  readonly folder?: string;
}

export async function startWorker(
  args: readonly string[],
  { folder = socketFolder(), ...options }: WorkerOptions,
): Promise<RunningWorker> {
  const socketPath = join(folder, "socket");
  let kill: RunningWorker["kill"] = () => {};
  const ended = oras([...args, "worker"], {
    ...options,
    env: { ...options.env, WORKER_SOCKET: socketPath },
    onStart: (child) => {
      kill = (signal) => void child.kill(signal);
    },
  });
  whenTestEnds(() => kill("SIGKILL"));
  await socketListens(socketPath, ended);
  const client = workerClient(socketPath);
  whenTestEnds(() => client.close());
  return { ...client, socketPath, kill, ended };
}
