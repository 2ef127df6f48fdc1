/** Referrers that are pushed: in which order, once, and listed by every registry. */
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLayout } from "../../src/layout/layout.ts";
import { type Digest, digestOf } from "../../src/model/digest.ts";
import { mediaTypes, parseManifest } from "../../src/model/manifest.ts";
import type { Target } from "../../src/model/source.ts";
import { layerOfBytes, type NewReferrer, pushReferrer } from "../../src/publish/referrer.ts";
import { testContext } from "../support/context.ts";
import { temporaryFolder } from "../support/folders.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { registryClient } from "../support/registry/client.ts";
import { startServer } from "../support/registry/server.ts";

const signal = new AbortController().signal;
const subjectBytes = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[]}`);
const subject = { mediaType: mediaTypes.ociIndex, digest: digestOf(subjectBytes), size: subjectBytes.byteLength };

function referrerWith(text: string): NewReferrer {
  const layers = [layerOfBytes(Buffer.from(text), "text/plain", { b: "2", a: "1" })];
  return { subject, artifactType: "x/note", layers, annotations: { z: "1", y: "2" } };
}

async function listed(target: Target): Promise<readonly Digest[]> {
  return (await target.listReferrers(subject.digest, signal)).map(({ digest }) => digest);
}

test("a referrer: its blobs are sent first, then its manifest, then the list of the fallback tag", async () => {
  let list: string | undefined;
  const server = await startServer(({ method, url, body }, response) => {
    const isList = url.includes("/manifests/sha256-");
    if (isList && method === "PUT") list = body;
    if (isList && method === "GET" && list !== undefined) response.end(list);
    else if (method === "POST") response.writeHead(202, { location: `${url}session` }).end();
    else if (method === "PUT") response.writeHead(201).end();
    else response.writeHead(404).end();
  });
  const { registry } = registryClient(server.host);
  await pushReferrer(referrerWith("x"), registry, signal);
  const puts = server.seen.filter(({ method }) => method === "PUT").map(({ url }) => url.replace(/[0-9a-f]{64}/, "…"));
  expect(
    puts.map((url) =>
      url
        .split("/")
        .at(-1)
        ?.replace(/^session\?digest=sha256%3A…$/, "blob"),
    ),
  ).toEqual(["blob", "blob", "sha256:…", "sha256-…"]);
});

test("a referrer: the manifest has the subject, the empty config and sorted annotations", async () => {
  const bodies: Buffer[] = [];
  const server = await startServer(({ method, url, body }, response) => {
    if (method === "PUT" && url.includes("/manifests/")) bodies.push(Buffer.from(body));
    if (method === "POST") response.writeHead(202, { location: `${url}session` }).end();
    else if (method === "PUT") response.writeHead(201, { "oci-subject": subject.digest }).end();
    else if (url.includes("/referrers/")) response.writeHead(200, { "content-type": mediaTypes.ociIndex }).end();
    else response.writeHead(404).end();
  });
  const { registry } = registryClient(server.host);
  const pushed = await pushReferrer(referrerWith("x"), registry, signal);
  expect(bodies).toHaveLength(1);
  const [body = Buffer.alloc(0)] = bodies;
  expect(pushed).toEqual({ digest: digestOf(body), size: body.byteLength, isNew: true });
  const parsed = parseManifest(body, mediaTypes.ociManifest, "test");
  expect(parsed).toMatchObject({ artifactType: "x/note", subject, config: { mediaType: mediaTypes.empty, size: 2 } });
  expect(String(body)).toContain('"annotations":{"y":"2","z":"1"}');
  expect(String(body)).toContain('"annotations":{"a":"1","b":"2"}');
});

test.for(realRegistries)("referrers on %s: all that come at once are listed, and each once", async (name, context) => {
  const { registry } = registryClient(await startRealRegistry(name, context));
  await registry.pushManifest(subjectBytes, subject.mediaType, "1", signal);
  const texts = [..."abcdefgh", "a"];
  const pushed = await Promise.all(texts.map((text) => pushReferrer(referrerWith(text), registry, signal)));
  const digests = new Set(pushed.map(({ digest }) => digest));
  expect(digests.size).toBe(8);
  expect([...(await listed(registry))].sort()).toEqual([...digests].sort());
  expect(await pushReferrer(referrerWith("b"), registry, signal)).toMatchObject({ isNew: false });
  expect(await listed(registry)).toHaveLength(8);
});

test("referrers of a layout: all that come at once are listed, and each once", async () => {
  const layout = openLayout(join(temporaryFolder(), "layout"), testContext());
  await layout.pushManifest(subjectBytes, subject.mediaType, "1", signal);
  const texts = [..."abcd", "a"];
  const pushed = await Promise.all(texts.map((text) => pushReferrer(referrerWith(text), layout, signal)));
  expect([...(await listed(layout))].sort()).toEqual([...new Set(pushed.map(({ digest }) => digest))].sort());
  expect(await pushReferrer(referrerWith("b"), layout, signal)).toMatchObject({ isNew: false });
});
