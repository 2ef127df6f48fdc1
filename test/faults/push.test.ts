/** Pushes over connections that break, into registries that stumble: what is named is there, and the tag comes last. */
import { createHash, randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import type { Fault } from "../support/registry/in-process/faults.ts";
import * as faults from "../support/registry/in-process/faults.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import type { InProcessRegistry, SeenExchange } from "../support/registry/in-process/registry.ts";

const tool = randomBytes(6 * 1024 * 1024);
const digest = `sha256:${createHash("sha256").update(tool).digest("hex")}`;

async function pushTo(registry: InProcessRegistry): Promise<{ exitCode: number | null; stderr: string }> {
  const dir = temporaryFolder();
  writeFileSync(join(dir, "tool"), tool);
  return await oras(["push", `${registry.host}/t/tool:1`, "tool", "--timeout", "30"], { cwd: dir });
}

const isTagPut = ({ method, path }: SeenExchange): boolean => method === "PUT" && path === "/v2/t/tool/manifests/1";
const isToolPut = ({ method, path }: SeenExchange): boolean =>
  method === "PUT" && path.includes("/blobs/uploads/") && path.includes(encodeURIComponent(digest));

/** How it fails, and how often the blob is sent in all. */
const survived: readonly [string, () => Fault, number][] = [
  ["no fault", () => (_request, next) => next(), 1],
  ["the connection is cut in mid-PUT, once", () => faults.cutUpload(2_000_000, 1), 2],
  ["the connection is cut in mid-PUT, three times", () => faults.cutUpload(2_000_000, 3), 4],
  ["the answer to the PUT is lost: the blob is there", () => faults.cutBeforeHead(1, isToolUpload), 1],
  ["the POST is cut off, once", () => faults.cutBeforeHead(1, faults.uploadStarts), 1],
  ["the POST is answered 502, once", () => faults.answerStatus(502, 1, undefined, faults.uploadStarts), 1],
  ["503 to the PUT, twice", () => faults.answerStatus(503, 2, undefined, isToolUpload), 3],
  ["429 to the PUT, Retry-After: 1", () => faults.answerStatus(429, 1, "1", isToolUpload), 2],
  ["the upload is forgotten, once", () => faults.answerStatus(404, 1, undefined, isToolUpload), 2],
  ["the upload is at odds, once", () => faults.answerStatus(409, 1, undefined, isToolUpload), 2],
  ["the PUT of the manifest is cut off, once", () => faults.cutBeforeHead(1, faults.manifestPuts), 1],
  ["503 to the manifest, twice", () => faults.answerStatus(503, 2, undefined, faults.manifestPuts), 1],
];

function isToolUpload(request: Parameters<faults.Selector>[0]): boolean {
  return faults.uploadPuts(request) && request.url.searchParams.get("digest") === digest;
}

test.each(survived)("%s", async (_what, fault, puts) => {
  const registry = await inProcessRegistry(fault());
  const ran = await pushTo(registry);
  expect(ran.exitCode, ran.stderr).toBe(0);
  const { blobs, manifests, tags } = registry.storage.open("t/tool");
  expect(blobs.get(digest)?.equals(tool)).toBe(true);
  const manifest = manifests.get(tags.get("1") ?? "")?.bytes.toString() ?? "{}";
  const { config, layers } = JSON.parse(manifest) as { config: { digest: string }; layers: { digest: string }[] };
  for (const named of [config, ...layers]) expect(blobs.has(named.digest)).toBe(true);
  // Each PUT of a blob began with an upload of its own.
  expect(registry.seen.filter(isToolPut)).toHaveLength(puts);
  expect(new Set(registry.seen.filter(isToolPut).map(({ path }) => path)).size).toBe(puts);
  const firstTag = registry.seen.findIndex(isTagPut);
  expect(registry.seen.slice(firstTag).every(isTagPut)).toBe(true);
});

test.each<[string, () => Fault, number, number]>([
  ["the connection is cut in mid-PUT, each time", () => faults.cutUpload(2_000_000, 1000), 69, 5],
  ["the PUT is refused", () => faults.answerStatus(403, 1000, undefined, isToolUpload), 77, 1],
  ["no upload is ever right", () => faults.answerStatus(400, 1000, undefined, isToolUpload), 69, 3],
  ["429, Retry-After: 3600", () => faults.answerStatus(429, 1000, "3600", isToolUpload), 75, 1],
])("%s: it ends, and there is no tag", async (_what, fault, exitCode, puts) => {
  const registry = await inProcessRegistry(fault());
  const ran = await pushTo(registry);
  expect(ran.exitCode, ran.stderr).toBe(exitCode);
  expect(registry.seen.filter(isToolPut)).toHaveLength(puts);
  expect(registry.seen.filter(isTagPut)).toEqual([]);
});
