/** Demanded ages in the library. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { OrasClient } from "../../src/index.ts";
import { temporaryFolder } from "../support/folders.ts";
import { agedRegistry, daysAgo } from "../support/registry/aged.ts";
import { registryClient } from "../support/registry/client.ts";
import { toolManifest } from "../support/registry/tool.ts";

test("library: a younger version is refused by lock.add, and left by lock.update", async () => {
  const server = await agedRegistry();
  const { registry, signal } = registryClient(server.host);
  const push = async (content: string) => {
    const manifest = JSON.parse(toolManifest(content));
    const bytes = Buffer.from(content);
    async function* body() {
      yield bytes;
    }
    await registry.pushBlob({ digest: manifest.layers[0].digest, size: bytes.length }, body, signal);
    return await registry.pushManifest(Buffer.from(JSON.stringify(manifest)), manifest.mediaType, "1", signal);
  };
  const dir = temporaryFolder();
  const { lock } = new OrasClient({ cacheDir: join(dir, "cache") });
  const file = join(dir, "oras.lock.json");
  const reference = `${server.host}/t/tool:1`;
  const first = await push("#!/bin/sh\n1\n");
  server.fallback = daysAgo(3);
  await expect(lock.add("tool", reference, { file, minAge: "7d" })).rejects.toMatchObject({
    code: "VERSION_AGE_REFUSED",
  });
  expect(await lock.add("tool", reference, { file, minAge: "2d" })).toMatchObject({ change: "added", left: undefined });
  const next = await push("#!/bin/sh\n2\n");
  server.fallback = daysAgo(1);
  expect(await lock.update([], { file, minAge: "2d" })).toMatchObject([
    { change: "left", digest: first, left: { digest: next, reason: expect.stringContaining("--min-age demands") } },
  ]);
  await expect(lock.update([], { file, maxAge: "1h" })).rejects.toMatchObject({ code: "VERSION_AGE_REFUSED" });
});
