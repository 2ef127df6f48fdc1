/** Another user who can write into the cache folder: what he leaves in the place of locks and partial files holds nobody up for long. */
import { chownSync, mkdirSync, readFileSync, symlinkSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, type TestContext, test } from "vitest";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import {
  blobArgs,
  evil,
  inCache,
  neighbour,
  putAsNeighbour,
  requireRoot,
  type SharedCache,
  sharedCache,
  tool,
  toolDigest,
} from "../support/shared-cache.ts";
import { alongside } from "../support/test-end.ts";

const digest = toolDigest;

type Put = (path: string, cache: SharedCache) => void;

describe("locks and partial files that the neighbour left", () => {
  const lockOf = (cache: SharedCache): string => join(cache.dir, "locks", `${digest.slice(7)}.lock`);
  const inTenYears = Date.now() / 1000 + 10 * 365 * 24 * 3600;
  const makeFutureLock = (path: string): void => {
    mkdirSync(path);
    utimesSync(path, inTenYears, inTenYears);
  };

  // All of these wait for most of their time.
  test.concurrent.for([
    ["a lock of a time that is to come", makeFutureLock],
    ["a file", (path: string) => putAsNeighbour(path, "x")],
    ["a link to a folder", (path: string, cache: SharedCache) => symlinkSync(join(cache.secret, ".."), path)],
    ["a lock with something in it", (path: string) => mkdirSync(join(path, "x"), { recursive: true })],
  ] as const)(
    "%s in a lock's place: the work is done without",
    alongside(async ([, put]: readonly [string, Put]) => {
      const cache = sharedCache(digest);
      put(lockOf(cache), cache);
      const server = await startServer(serveTool(tool));
      const ran = await inCache(cache, blobArgs(server.host, "--timeout", "60"));
      expect(ran.exitCode, ran.stderr).toBe(0);
    }),
  );

  test.concurrent.for([
    ["another user's", neighbour],
    ["one of the user's own, which a neighbour caught and keeps there,", 0],
  ] as const)(
    "a lock, %s, that somebody keeps alive is waited for a while only",
    alongside(async ([, owner]: readonly [string, number], context: TestContext) => {
      requireRoot(context);
      const cache = sharedCache(digest);
      mkdirSync(lockOf(cache));
      chownSync(lockOf(cache), owner, owner);
      const beat = setInterval(() => utimesSync(lockOf(cache), Date.now() / 1000, Date.now() / 1000), 200);
      context.onTestFinished(() => clearInterval(beat));
      const server = await startServer(serveTool(tool));
      const ran = await inCache(cache, blobArgs(server.host, "--timeout", "90"));
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stderr).toContain("warning: another process does the same work, or was killed: waiting for its lock");
    }),
  );

  test.concurrent.for([
    ["that nobody may read", (path: string) => putAsNeighbour(path, evil, 0o000)],
    ["that is a folder", (path: string) => mkdirSync(join(path, "x"), { recursive: true })],
    ["that is a link", (path: string, cache: SharedCache) => symlinkSync(cache.secret, path)],
    ["that has other bytes", (path: string) => putAsNeighbour(path, evil.slice(0, 8), 0o444)],
  ] as const)(
    "a partial file %s is passed over",
    alongside(async ([, put]: readonly [string, Put]) => {
      const cache = sharedCache(digest);
      put(join(cache.dir, "tmp", `${digest.slice(7)}-0123456789abcdef.partial`), cache);
      const server = await startServer(
        serveTool(tool, ({ headers }, response) => {
          const first = Number(/bytes=([0-9]+)-/.exec(headers.range ?? "")?.[1] ?? 0);
          const range = { "content-range": `bytes ${first}-${tool.length - 1}/${tool.length}` };
          response.writeHead(first === 0 ? 200 : 206, first === 0 ? {} : range).end(tool.slice(first));
        }),
      );
      const ran = await inCache(cache, blobArgs(server.host));
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(readFileSync(join(ran.dir, "out"), "utf8")).toBe(tool);
      expect(cache.isSecretUntouched()).toBe(true);
    }),
  );
});
