/** Blobs over connections that break: what is asked for again, and what is not. */
import { createHash, randomBytes } from "node:crypto";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type ServerResponse } from "node:http";
import { join } from "node:path";
import { describe, expect, onTestFinished, test } from "vitest";
import { withComposition } from "../../src/compose.ts";
import { readSettings } from "../../src/config/settings.ts";
import { digestFromHex } from "../../src/model/digest.ts";
import { type BlobRequest, pullBlob } from "../../src/verbs/blob.ts";
import { codeOf, noConfigFiles, testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";

const content = randomBytes(3 * 1024 * 1024);
const hex = createHash("sha256").update(content).digest("hex");
const digest = digestFromHex(hex);

interface Answered {
  readonly range: string | undefined;
  /** Bytes of the body that were sent. */
  sent: number;
}

/** What a server does with the n-th GET of the blob; `first` is the first byte asked for. */
type Fault = (response: ServerResponse, first: number, answered: Answered) => void;

function send(response: ServerResponse, bytes: Buffer, answered: Answered, after: () => void): void {
  response.write(bytes, () => {
    answered.sent += bytes.length;
    after();
  });
}

/** Sends the rest of the blob, cut off after `count` bytes of this answer. */
function cutAfter(count: number): Fault {
  return (response, first, answered) => {
    head(response, first);
    // Not at once: what a client has not read when the connection breaks is lost to it.
    send(response, content.subarray(first, first + count), answered, () => setTimeout(() => response.destroy(), 500));
  };
}

function head(response: ServerResponse, first: number): void {
  const length = { "content-length": content.length - first };
  if (first === 0) response.writeHead(200, length);
  else {
    const range = `bytes ${first}-${content.length - 1}/${content.length}`;
    response.writeHead(206, { ...length, "content-range": range });
  }
}

const whole: Fault = (response, first, answered) => {
  head(response, first);
  send(response, content.subarray(first), answered, () => response.end());
};

/** A registry with one blob; each request meets the next fault, and those after the last get the blob. */
async function blobServer(...faults: Fault[]): Promise<{ host: string; answers: Answered[] }> {
  const answers: Answered[] = [];
  const server = createServer((request, response) => {
    const { range } = request.headers;
    const answered = { range, sent: 0 };
    answers.push(answered);
    const first = Number(/^bytes=([0-9]+)-$/.exec(range ?? "")?.[1] ?? 0);
    (faults[answers.length - 1] ?? whole)(response, first, answered);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  if (typeof address !== "object" || address === null) throw new Error("no address");
  return { host: `127.0.0.1:${address.port}`, answers };
}

interface Machine {
  readonly cacheDir: string;
  /** Each call is as a process of its own: only the cache folder is shared. */
  readonly pull: (host: string, changes?: Partial<BlobRequest>) => Promise<Buffer>;
  /** What waits in the cache's folder for staged files. */
  readonly staged: () => string[];
}

function machine(): Machine {
  const cacheDir = temporaryFolder();
  return {
    cacheDir,
    staged: () => readdirSync(join(cacheDir, "tmp")),
    pull: async (host, changes = {}) => {
      const context = testContext({ sleep: () => Promise.resolve() });
      const output = join(temporaryFolder(), "out");
      const request = {
        reference: `${host}/t/tool@${digest}`,
        size: content.length,
        manifest: undefined,
        output,
        executable: undefined,
        ...changes,
      };
      const settings = readSettings({ cacheDir, timeoutSeconds: 600 }, context, noConfigFiles);
      await withComposition(settings, context, undefined, (deps, signal) => pullBlob(request, deps, signal));
      return readFileSync(output);
    },
  };
}

const sum = (answers: readonly Answered[]): number => answers.reduce((total, { sent }) => total + sent, 0);

describe("a connection that breaks in the middle", () => {
  test("several times: each try goes on where the last one ended, and no byte comes twice", async () => {
    const server = await blobServer(cutAfter(1_000_000), cutAfter(500_000), cutAfter(1), cutAfter(700_000));
    const { pull, staged } = machine();
    expect((await pull(server.host)).equals(content)).toBe(true);
    expect(server.answers.map(({ range }) => range)).toEqual([
      undefined,
      "bytes=1000000-",
      "bytes=1500000-",
      "bytes=1500001-",
      "bytes=2200001-",
    ]);
    expect(sum(server.answers)).toBe(content.length);
    expect(staged()).toEqual([]);
  });

  test("for good: it is given up after five tries without a new byte, and the next process goes on", async () => {
    const nothing: Fault = (response) => response.destroy();
    const dead = await blobServer(cutAfter(2_000_000), ...new Array<Fault>(100).fill(nothing));
    const { pull, staged } = machine();
    expect(await codeOf(pull(dead.host))).toBe("REGISTRY_UNAVAILABLE");
    expect(staged()).toHaveLength(1);
    const server = await blobServer();
    expect((await pull(server.host)).equals(content)).toBe(true);
    expect(server.answers).toEqual([{ range: "bytes=2000000-", sent: content.length - 2_000_000 }]);
    expect(staged()).toEqual([]);
  });

  test("without a stated length: an early end is told from a short blob by asking for the rest", async () => {
    const silent: Fault = (response, first, answered) => {
      response.writeHead(200, { connection: "close", "transfer-encoding": "identity" });
      send(response, content.subarray(first, first + 1000), answered, () => response.end());
    };
    const flaky = await blobServer(silent);
    expect((await machine().pull(flaky.host)).equals(content)).toBe(true);
    expect(flaky.answers[1]?.range).toBe("bytes=1000-");
    const short: Fault = (response, first, answered) => {
      if (first === 0) silent(response, first, answered);
      else response.writeHead(416).end();
    };
    const small = await blobServer(short, short, short, short);
    const { pull, staged } = machine();
    expect(await codeOf(pull(small.host))).toBe("BLOB_SIZE_MISMATCH");
    expect(staged()).toEqual([]);
  });
});

describe("a server that cannot start in the middle", () => {
  const ignoring: Fault = (response, _first, answered) => whole(response, 0, answered);
  const refusing =
    (status: number): Fault =>
    (response, first, answered) => {
      if (first === 0) whole(response, 0, answered);
      else response.writeHead(status).end();
    };
  const lying =
    (range: string): Fault =>
    (response, _first, answered) => {
      response.writeHead(206, { "content-range": range });
      send(response, content.subarray(7), answered, () => response.end());
    };
  test.each([
    ["answers 200 to a Range", ignoring, 2],
    ["answers 416", refusing(416), 3],
    ["answers 400", refusing(400), 3],
    ["answers 206 with another range", lying(`bytes 7-${content.length - 1}/${content.length}`), 3],
    ["answers 206 with another total", lying(`bytes 1000-${content.length - 1}/9999999`), 3],
    ["answers 206 without saying which range", lying(""), 3],
  ])("%s: the blob is fetched once more from its first byte", async (_what, fault, requests) => {
    const server = await blobServer(cutAfter(1000), fault);
    expect((await machine().pull(server.host)).equals(content)).toBe(true);
    expect(server.answers).toHaveLength(requests);
  });

  test("and breaks at the same place each time: it is given up", async () => {
    const server = await blobServer(
      ...new Array<Fault>(100).fill((response, _first, answered) => cutAfter(1000)(response, 0, answered)),
    );
    expect(await codeOf(machine().pull(server.host))).toBe("REGISTRY_UNAVAILABLE");
    expect(server.answers.length).toBeLessThan(10);
  });
});

describe("bytes of an earlier process", () => {
  test.each([
    ["fewer than the blob has", 1_000_000],
    ["as many as the blob has", content.length],
    ["more than the blob has", content.length + 1],
  ])("that are wrong, and %s, are used and not trusted: the blob is fetched in one piece", async (_what, count) => {
    const { pull, staged, cacheDir } = machine();
    const dead = await blobServer(cutAfter(1000), ...new Array<Fault>(20).fill((response) => response.destroy()));
    expect(await codeOf(pull(dead.host))).toBe("REGISTRY_UNAVAILABLE");
    const [name = ""] = staged();
    writeFileSync(join(cacheDir, "tmp", name), randomBytes(count));
    expect((await pull((await blobServer()).host)).equals(content)).toBe(true);
    expect(staged()).toEqual([]);
  });

  test("a body of other bytes is refused and leaves nothing, in one piece or several", async () => {
    const other: Fault = (response, first, answered) => {
      head(response, first);
      send(response, Buffer.alloc(content.length - first, "x"), answered, () => response.end());
    };
    for (const faults of [
      [other, other],
      [cutAfter(1000), other, other, other],
    ]) {
      const server = await blobServer(...faults);
      const { pull, staged, cacheDir } = machine();
      expect(await codeOf(pull(server.host))).toBe("BLOB_DIGEST_MISMATCH");
      expect(staged()).toEqual([]);
      const stored = readdirSync(join(cacheDir, "oras"), { recursive: true, withFileTypes: true });
      expect(stored.filter((entry) => !entry.isDirectory())).toEqual([]);
    }
  });
});
