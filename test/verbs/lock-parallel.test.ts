/** `lock add` and `lock update` ask for several manifests at a time, and for no more than the configuration allows. */
import { createHash } from "node:crypto";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { mediaTypes } from "../../src/model/manifest.ts";
import { type CrowdCounter, crowdCounter } from "../support/crowd-counter.ts";
import { oras } from "../support/executable.ts";
import { temporaryFolder } from "../support/folders.ts";
import { startServer, type TestServer } from "../support/registry/server.ts";

const sha256 = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

interface Crowd {
  readonly server: TestServer;
  /** Of requests for manifests. */
  readonly counter: CrowdCounter;
  /** Whether the requests for tags are those that come together; else those for what their indexes name. */
  readonly ofTags: { now: boolean };
}

/** A registry whose every tag is an index of four platforms, and that takes its time over manifests. */
async function crowd(): Promise<Crowd> {
  const contents = ["one", "two", "three", "four"];
  const layer = (text: string) => ({
    mediaType: "application/octet-stream",
    digest: sha256(text),
    size: text.length,
    annotations: { "org.opencontainers.image.title": "tool" },
  });
  const manifests = contents.map((text) =>
    JSON.stringify({
      schemaVersion: 2,
      mediaType: mediaTypes.ociManifest,
      config: layer(text),
      layers: [layer(text)],
    }),
  );
  const platforms = ["linux/amd64", "linux/arm64", "darwin/amd64", "darwin/arm64"].map((name) => name.split("/"));
  const index = JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociIndex,
    manifests: manifests.map((text, position) => ({
      mediaType: mediaTypes.ociManifest,
      digest: sha256(text),
      size: text.length,
      platform: { os: platforms[position]?.[0], architecture: platforms[position]?.[1] },
    })),
  });
  const counter = crowdCounter();
  const ofTags = { now: false };
  const server = await startServer(({ url }, response) => {
    if (!url.includes("/manifests/")) {
      response.end(contents.find((text) => url.includes(sha256(text))));
      return;
    }
    const manifest = manifests.find((text) => url.includes(sha256(text)));
    void counter.pass(ofTags.now || manifest !== undefined).then(() => {
      response.setHeader("content-type", manifest === undefined ? mediaTypes.ociIndex : mediaTypes.ociManifest);
      response.end(manifest ?? index);
    });
  });
  return { server, counter, ofTags };
}

test.each([
  [1, 1, 1],
  [4, 2, 4],
])("with a concurrency of %i", async (concurrency, atLeast, atMost) => {
  const { server, counter, ofTags } = await crowd();
  const { most } = counter;
  const dir = temporaryFolder();
  writeFileSync(join(dir, "buck2-oras.json"), JSON.stringify({ concurrency }));
  const call = (...args: string[]) => oras(args, { cwd: dir, env: { BUCK2_ORAS_CACHE_DIR: join(dir, "cache") } });
  counter.expect(atLeast);
  const added = await call("lock", "add", "tool", `${server.host}/t/tool:1`);
  expect(added.exitCode, added.stderr).toBe(0);
  expect(most()).toBeGreaterThanOrEqual(atLeast);
  expect(most()).toBeLessThanOrEqual(atMost);

  await call("lock", "add", "other", `${server.host}/t/other:1`);
  await call("lock", "add", "third", `${server.host}/t/third:1`);
  ofTags.now = true;
  counter.expect(atLeast);
  const updated = await call("lock", "update", "--json");
  expect(JSON.parse(updated.stdout)).toMatchObject({
    tools: ["other", "third", "tool"].map((tool) => ({ tool, change: "unchanged" })),
  });
  expect(most()).toBeGreaterThanOrEqual(atLeast);
  expect(most()).toBeLessThanOrEqual(atMost);
});
