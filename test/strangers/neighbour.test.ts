/** Another user who can write into the cache folder: he gets nothing placed, and nothing of the user's changed. */
import {
  chmodSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import { describe, expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { sha256 } from "../support/layout-project.ts";
import { startServer } from "../support/registry/server.ts";
import { serveTool, toolManifest } from "../support/registry/tool.ts";
import {
  blobArgs,
  evil,
  forgeNote,
  inCache,
  putAsNeighbour,
  requireRoot,
  type SharedCache,
  sharedCache,
  tool,
  toolDigest,
} from "../support/shared-cache.ts";
import { gzipTar } from "../support/tar-of-one.ts";

const digest = toolDigest;

describe("a staged file that is swapped during a download", () => {
  test.each([
    ["another file", (path: string) => putAsNeighbour(path, evil)],
    ["a link to a file of the user's", (path: string, cache: SharedCache) => symlinkSync(cache.secret, path)],
    ["a folder", (path: string) => mkdirSync(path)],
  ])("by %s: nothing else is placed", async (_, put) => {
    const cache = sharedCache(digest);
    // Afterwards it is fetched without the cache.
    let hostileTimes = 2;
    const server = await startServer(
      serveTool(tool, (_request, response) => {
        hostileTimes -= 1;
        if (hostileTimes < 0) return void response.end(tool);
        response.writeHead(200, { "content-length": tool.length });
        response.write(tool.slice(0, 10));
        // The first bytes are written by then: the staged file is there.
        const swap = (): void => {
          const [name] = readdirSync(join(cache.dir, "tmp")).filter((one) => one.endsWith(".partial"));
          if (name === undefined) return void setTimeout(swap, 10);
          const path = join(cache.dir, "tmp", name);
          renameSync(path, `${path}.away`);
          put(path, cache);
          response.end(tool.slice(10));
        };
        swap();
      }),
    );
    const ran = await inCache(cache, blobArgs(server.host));
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(ran.dir, "out"), "utf8")).toBe(tool);
    expect(cache.isSecretUntouched()).toBe(true);
    // Once he is gone, the cache is used again.
    rmSync(join(cache.dir, "tmp"), { recursive: true });
    const again = await inCache(cache, blobArgs(server.host));
    expect(again.exitCode, again.stderr).toBe(0);
    expect(readFileSync(join(again.dir, "out"), "utf8")).toBe(tool);
  });
});

describe("a folder of the cache that is swapped for a link during a download", () => {
  test.each(["tmp", "locks", "metadata", "oras", "oras/XX"])("%s: nothing is written where it leads", async (name) => {
    const cache = sharedCache(digest);
    const folder = join(cache.dir, name.replace("XX", digest.slice(7, 9)));
    const precious = join(cache.secret, "..");
    let isDone = false;
    const server = await startServer(
      serveTool(tool, (_request, response) => {
        if (isDone) return void response.end(tool);
        isDone = true;
        response.writeHead(200, { "content-length": tool.length });
        response.write(tool.slice(0, 10));
        // The first bytes are written by then: the staged file is there.
        const swap = (): void => {
          if (!readdirSync(join(cache.dir, "tmp")).some((one) => one.endsWith(".partial"))) {
            return void setTimeout(swap, 10);
          }
          renameSync(folder, `${folder}.away`);
          symlinkSync(precious, folder);
          // Whoever is killed now leaves what he has.
          response.write(tool.slice(10, 20), () => response.end(tool.slice(20)));
        };
        swap();
      }),
    );
    const ran = await inCache(cache, ["pull", `${server.host}/t/tool:1`, "-o", "."]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(ran.dir, "tool"), "utf8")).toBe(tool);
    expect(readdirSync(precious)).toEqual(["id_ed25519"]);
    expect(cache.isSecretUntouched()).toBe(true);
    // The next one finds the link there from the beginning.
    const again = await inCache(cache, ["pull", `${server.host}/t/tool:1`, "-o", "."]);
    expect(again.exitCode, again.stderr).toBe(0);
    expect(readdirSync(precious)).toEqual(["id_ed25519"]);
  });
});

describe("a blob that is damaged again and again", () => {
  const damagedCache = (): SharedCache => {
    const cache = sharedCache(digest);
    // The first folder in a blob's place is moved away; another one stays where it is.
    for (const path of [cache.pathOf(digest), `${cache.pathOf(digest)}.displaced`]) {
      mkdirSync(join(path, "x"), { recursive: true });
    }
    return cache;
  };

  test("what goes into an output is fetched without the cache, and nothing is added there", async () => {
    const cache = damagedCache();
    const shard = join(cache.pathOf(digest), "..");
    const before = readdirSync(shard);
    const server = await startServer(serveTool(tool));
    for (const args of [blobArgs(server.host), ["pull", `${server.host}/t/tool:1`, "-o", "."]]) {
      const ran = await inCache(cache, [...args, "--json"]);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(ran.stderr).toMatch(
        /warning: a folder is in the place of the cached file \S+: the command continues without the cache/,
      );
      const { path } = JSON.parse(ran.stdout);
      expect(readFileSync(join(ran.dir, path.split("/").at(-1)), "utf8")).toBe(tool);
      expect(path.startsWith(cache.dir)).toBe(false);
    }
    expect(readdirSync(shard)).toEqual(before);
  });

  test("what is left in the cache alone is an error that names the folder", async () => {
    const cache = damagedCache();
    const server = await startServer(serveTool(tool));
    const ran = await inCache(cache, ["pull", `${server.host}/t/tool:1`]);
    expect(ran.exitCode, ran.stderr).toBe(74);
    expect(ran.stderr).toContain(
      `error[LOCAL_IO]: a folder is in the place of the cached file ${cache.pathOf(digest)}`,
    );
    expect(ran.stderr).toContain(`and the earlier folder ${cache.pathOf(digest)}.displaced`);
  });

  test("a lock is made all the same", async () => {
    const cache = damagedCache();
    const server = await startServer(serveTool(tool));
    const ran = await inCache(cache, ["lock", "add", "tool", `${server.host}/t/tool:1`]);
    expect(ran.exitCode, ran.stderr).toBe(0);
    expect(readFileSync(join(ran.dir, "oras.lock.json"), "utf8")).toContain(digest);
  });
});

test("tens of thousands of partial files with the blob's name are not looked at one by one", async () => {
  const cache = sharedCache(digest);
  for (let number = 0; number < 20_000; number += 1) {
    const name = `${digest.slice(7)}-${number.toString(16).padStart(16, "0")}.partial`;
    writeFileSync(join(cache.dir, "tmp", name), "");
  }
  const server = await startServer(serveTool(tool));
  const ran = await inCache(cache, blobArgs(server.host));
  expect(ran.exitCode, ran.stderr).toBe(0);
  // Each look would have removed one.
  expect(readdirSync(join(cache.dir, "tmp")).length).toBeGreaterThan(19_000);
});

test("an archive is unpacked from a copy in the cache: the folder for temporary files needs no room for it", async () => {
  const archive = gzipTar("tool", tool);
  const cache = sharedCache(sha256(archive));
  const server = await startServer(serveTool(archive));
  const dir = temporaryFolder();
  const env = { BUCK2_ORAS_CACHE_DIR: cache.dir, TMPDIR: join(dir, "is", "not", "there") };
  const ran = await oras(["pull", `${server.host}/t/tool:1`, "-o", "out", "--extract"], { cwd: dir, env });
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(readFileSync(join(dir, "out/tool"), "utf8")).toBe(tool);
  expect(readdirSync(join(cache.dir, "tmp"))).toEqual([]);
});

describe("a stored blob that was replaced", () => {
  test.each([
    ["other bytes of the same length and time", (path: string) => putAsNeighbour(path, evil)],
    ["a link to other bytes", (path: string, cache: SharedCache) => symlinkSync(cache.secret, path)],
    ["a folder with something in it", (path: string) => mkdirSync(join(path, "x"), { recursive: true })],
  ])("by %s: is fetched anew", async (_, put) => {
    const cache = sharedCache(digest);
    const server = await startServer(serveTool(tool));
    expect((await inCache(cache, blobArgs(server.host))).exitCode).toBe(0);
    rmSync(cache.pathOf(digest));
    put(cache.pathOf(digest), cache);
    for (const args of [blobArgs(server.host), ["pull", `${server.host}/t/tool:1`, "-o", "."]]) {
      const ran = await inCache(cache, args);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(readFileSync(join(ran.dir, args[0] === "blob" ? "out" : "tool"), "utf8")).toBe(tool);
    }
    expect(cache.isSecretUntouched()).toBe(true);
  });
});

describe("notes that the neighbour wrote", () => {
  const manifest = sha256(toolManifest(tool));

  test("what a manifest holds is what the manifest says", async (context) => {
    requireRoot(context);
    const cache = sharedCache(digest);
    const server = await startServer(serveTool(tool));
    const reference = `${server.host}/t/tool@${manifest}`;
    forgeNote(cache.dir, { reference, content: evil, manifest });
    for (const extra of [[], ["--extract"]]) {
      const ran = await inCache(cache, ["pull", reference, "-o", ".", ...extra]);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(readFileSync(join(ran.dir, "tool"), "utf8")).toBe(tool);
    }
    const offline = await inCache(cache, ["pull", reference, "-o", ".", "--offline"]);
    expect(offline.exitCode, offline.stderr).toBe(0);
    expect(readFileSync(join(offline.dir, "tool"), "utf8")).toBe(tool);
  });

  test("what a tag means is not for him to say", async (context) => {
    requireRoot(context);
    const cache = sharedCache();
    const reference = "registry.invalid/t/tool:1";
    const evilManifest = toolManifest(evil);
    forgeNote(cache.dir, { reference, content: evil, manifest: sha256(evilManifest) });
    const path = cache.pathOf(sha256(evilManifest));
    mkdirSync(join(path, ".."), { recursive: true });
    putAsNeighbour(path, evilManifest);
    const ran = await inCache(cache, ["pull", reference, "-o", ".", "--offline"]);
    expect(ran.exitCode, ran.stderr).toBe(69);
    expect(ran.stderr).toMatch(/error\[OFFLINE\]: the meaning of \S+tool:1 is not taken from the cache \S+, since /);
    expect(ran.stderr).toMatch(/hint: name the artifact by its digest, or a cache of your own with --cache-dir/);
    expect(ran.stderr).not.toContain("without --offline");
  });

  test("what a compressed file unpacks to is unpacked again", async (context) => {
    requireRoot(context);
    const cache = sharedCache(digest);
    const packed = gzipSync(tool.repeat(10));
    const server = await startServer(serveTool(packed));
    const packedManifest = sha256(toolManifest(packed));
    const reference = `${server.host}/t/tool@${packedManifest}`;
    expect((await inCache(cache, ["pull", reference, "-o", "."])).exitCode).toBe(0);
    forgeNote(cache.dir, { reference, content: evil, manifest: packedManifest });
    for (const extra of [[], ["--offline"]]) {
      const ran = await inCache(cache, ["pull", reference, "-o", ".", ...extra]);
      expect(ran.exitCode, ran.stderr).toBe(0);
      expect(readFileSync(join(ran.dir, "tool"), "utf8")).toBe(tool.repeat(10));
    }
  });
});

test("a link on the way to the cache, in a folder that others write into: the cache is not believed", async () => {
  const place = temporaryFolder();
  mkdirSync(join(place, "open"));
  mkdirSync(join(place, "own"));
  chmodSync(join(place, "open"), 0o777);
  symlinkSync(join(place, "own"), join(place, "open", "cache"));
  const server = await startServer(serveTool(tool));
  const pulled = await oras(["pull", `${server.host}/t/tool:1`, "--cache-dir", join(place, "open", "cache")]);
  expect(pulled.exitCode, pulled.stderr).toBe(0);
  const shared = await oras(["config", "--json", "--cache-dir", join(place, "open", "cache")]);
  expect(JSON.parse(shared.stdout).cacheSharedBecause).toContain("open");
  const own = await oras(["config", "--json", "--cache-dir", join(place, "own")]);
  expect(JSON.parse(own.stdout).cacheSharedBecause).toBeNull();
});

test("a version that the neighbour wrote stops nobody, and a file of his of any length is not hashed", async (context) => {
  requireRoot(context);
  const cache = sharedCache(digest);
  putAsNeighbour(join(cache.dir, "version"), "99\n");
  putAsNeighbour(cache.pathOf(digest), "");
  truncateSync(cache.pathOf(digest), 2 ** 40);
  const server = await startServer(serveTool(tool));
  const ran = await inCache(cache, blobArgs(server.host, "--timeout", "120"));
  expect(ran.exitCode, ran.stderr).toBe(0);
  expect(readFileSync(join(ran.dir, "out"), "utf8")).toBe(tool);
});
