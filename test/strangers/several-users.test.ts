/** Several users of one cache: what a neighbour keeps an ordinary user from is done without, and what he shares serves everybody. */
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { ordinaryUser, otherUsers } from "../support/other-users.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool } from "../support/registry/tool.ts";
import {
  blobArgs,
  toolDigest as digest,
  evil,
  neighbour,
  putAsNeighbour,
  requireRoot,
  sharedCache,
  tool,
} from "../support/shared-cache.ts";

describe("a victim that is not root, in a cache where the neighbour keeps him out", () => {
  const shard = digest.slice(7, 9);
  test.for([
    ["a folder of blobs", `oras/${shard}`, 0o755],
    ["the folder of staged files", "tmp", 0o755],
    ["the folders of notes", "metadata", 0o700],
    ["the folder of locks", "locks", 0o700],
    ["the folder of all blobs", "oras", 0o700],
  ] as const)("%s is his alone: what goes into an output comes all the same", async ([, name, mode], context) => {
    const users = otherUsers(context);
    const cache = sharedCache();
    mkdirSync(join(cache.dir, name), { recursive: true });
    chownSync(join(cache.dir, name), neighbour, neighbour);
    chmodSync(join(cache.dir, name), mode);
    const server = await startServer(serveTool(tool));
    chmodSync(join(cache.dir, ".."), 0o755);
    const tmp = join(users.place, "tmp");
    mkdirSync(tmp);
    chmodSync(tmp, 0o1777);
    const env = { BUCK2_ORAS_CACHE_DIR: cache.dir, TMPDIR: tmp };
    for (const args of [blobArgs(server.host), ["pull", `${server.host}/t/tool:1`, "-o", "."]]) {
      const ran = await users.oras(ordinaryUser, [...args, "--timeout", "60"], { env });
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(readFileSync(join(users.place, args[0] === "blob" ? "out" : "tool"), "utf8")).toBe(tool);
      expect(ran.stderr, ran.stderr).not.toContain("/proc/self");
    }
    expect(readdirSync(tmp)).toEqual([]);
  });

  test("a blob of his that may not be read is fetched anew", async (context) => {
    const users = otherUsers(context);
    const cache = sharedCache(digest);
    putAsNeighbour(cache.pathOf(digest), tool, 0o000);
    const server = await startServer(serveTool(tool));
    chmodSync(join(cache.dir, ".."), 0o755);
    const env = { BUCK2_ORAS_CACHE_DIR: cache.dir };
    const ran = await users.oras(ordinaryUser, blobArgs(server.host), { env });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(users.place, "out"), "utf8")).toBe(tool);
  });
});

test("a link of the neighbour's in the cache's own place is not followed", async (context) => {
  requireRoot(context);
  const place = temporaryFolder();
  const precious = temporaryFolder();
  const link = join(place, "cache");
  symlinkSync(precious, link);
  lchownSync(link, neighbour, neighbour);
  const server = await startServer(serveTool(tool));
  const env = { BUCK2_ORAS_CACHE_DIR: link };
  const ran = await oras(["pull", `${server.host}/t/tool:1`, "-o", "."], { cwd: place, env });
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(ran.stderr).toContain(`warning: the cache ${link} is a link owned by the user ${neighbour}`);
  expect(readdirSync(precious)).toEqual([]);
});

test("a file or a dangling link of the neighbour's in the cache's own place: what goes into an output comes all the same", async (context) => {
  requireRoot(context);
  const server = await startServer(serveTool(tool));
  for (const put of [(path: string) => writeFileSync(path, "x"), (path: string) => symlinkSync("nowhere", path)]) {
    const place = temporaryFolder();
    const cache = join(place, "cache");
    put(cache);
    lchownSync(cache, neighbour, neighbour);
    const env = { BUCK2_ORAS_CACHE_DIR: cache };
    const ran = await oras(["pull", `${server.host}/t/tool:1`, "-o", "."], { cwd: place, env });
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(place, "tool"), "utf8")).toBe(tool);
  }
});

test("a shared cache that a user with a strict umask made first is everybody's to clear, past what is not", async (context) => {
  const users = otherUsers(context);
  const dir = join(users.place, "cache");
  mkdirSync(dir);
  chmodSync(dir, 0o777);
  const options = { env: { BUCK2_ORAS_CACHE_DIR: dir }, umask: "077" };
  const servers = [await startServer(serveTool(tool)), await startServer(serveTool(`${tool}# two\n`))];
  for (const [index, user] of [65_531, 65_532].entries()) {
    const ran = await users.oras(user, ["pull", `${servers[index]?.host}/t/tool:1`, "-o", `out-${user}`], options);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(ran.stderr).not.toContain("CACHEDIR.TAG");
  }
  // The folder of one blob is the first user's own.
  chmodSync(join(dir, "oras", digest.slice(7, 9)), 0o755);
  const cleared = await users.oras(65_532, ["clear-cache"], options);
  expect(cleared.exitCode, cleared.stderr).toBe(74);
  expect(cleared.stderr).toMatch(
    /error\[PERMISSION_DENIED\]: could not remove \S+(?:, and \d+ more)?; [1-9]\d* files were removed/,
  );
  expect(cleared.stderr).not.toContain("/proc/self");
});

test("a user who is not root passes over what he may not read or remove", async (context) => {
  const users = otherUsers(context);
  const cache = sharedCache(digest);
  // As in /tmp: nobody removes what is somebody else's.
  for (const folder of ["tmp", "locks", "metadata"]) chmodSync(join(cache.dir, folder), 0o1777);
  mkdirSync(join(cache.dir, "locks", `${digest.slice(7)}.lock`));
  putAsNeighbour(join(cache.dir, "tmp", `${digest.slice(7)}-0123456789abcdef.partial`), evil, 0o600);
  const server = await startServer(serveTool(tool));
  chmodSync(join(cache.dir, ".."), 0o755);
  const env = { BUCK2_ORAS_CACHE_DIR: cache.dir };
  const ran = await users.oras(ordinaryUser, blobArgs(server.host, "--timeout", "60"), { env });
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(readFileSync(join(users.place, "out"), "utf8")).toBe(tool);
});

test.for([
  ["everybody", 0o777, 65_531],
  ["a group, with a umask of 002", 0o2775, 65_530],
] as const)(
  "a cache that is open to %s serves several users, each with what he pulls",
  async ([, mode, group], context) => {
    const users = otherUsers(context);
    const dir = join(temporaryFolder(), "cache");
    mkdirSync(dir);
    chownSync(dir, 65_529, group);
    chmodSync(dir, mode);
    chmodSync(join(dir, ".."), 0o755);
    for (const [user, content] of [
      [65_531, tool],
      [65_532, evil],
      [65_533, `${tool}# another\n`],
    ] as const) {
      const server = await startServer(serveTool(content));
      const out = `out-${user}`;
      const options = { env: { BUCK2_ORAS_CACHE_DIR: dir }, group, umask: "002" };
      const ran = await users.oras(user, ["pull", `${server.host}/t/tool:1`, "-o", out], options);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(readFileSync(join(users.place, out, "tool"), "utf8")).toBe(content);
    }
  },
);
