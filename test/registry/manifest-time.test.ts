/** The time at which a registry got a manifest: what real registries say, and what faults a fake can show. */
import { expect, test } from "vitest";
import { digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { realRegistries, startRealRegistry } from "../support/real-registries.ts";
import { registryClient } from "../support/registry/client.ts";
import { altering, type Fault } from "../support/registry/in-process/faults/fault.ts";
import { refuseHead } from "../support/registry/in-process/faults/vendors.ts";
import { inProcessRegistry } from "../support/registry/in-process/for-tests.ts";
import { startServer } from "../support/registry/server.ts";

const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [] }));
const digest = digestOf(manifest);
const sent = "Tue, 24 Nov 2026 10:00:00 GMT";

function dating(headers: Readonly<Record<string, string>>) {
  return altering((request, before) =>
    request.url.pathname.endsWith(digest) && before.status === 200
      ? { ...before, headers: { ...before.headers, ...headers } }
      : before,
  );
}

async function timeFrom(...faults: readonly Fault[]) {
  const server = await inProcessRegistry(...faults);
  const { registry, signal } = registryClient(server.host);
  await registry.pushManifest(manifest, mediaTypes.ociIndex, "1", signal);
  const before = server.seen.length;
  const time = await registry.manifestTime(digest, signal);
  return { ...time, asked: server.seen.slice(before).map(({ method, status }) => `${method} ${status}`) };
}

// Were one of these to change, docs/trust.md would have to say so.
test.for(realRegistries)("manifest time: %s does not say when it got a manifest", async (name, context) => {
  const { registry, signal } = registryClient(await startRealRegistry(name, context));
  await registry.pushManifest(manifest, mediaTypes.ociIndex, "1", signal);
  const { published, clock } = await registry.manifestTime(digest, signal);
  expect(published).toBeUndefined();
  expect(Math.abs((clock?.getTime() ?? 0) - Date.now())).toBeLessThan(60_000);
});

test("manifest time: what Artifactory and Nexus send, by one request without a body", async () => {
  const date = "Wed, 25 Nov 2026 11:00:00 GMT";
  const { published, clock, asked } = await timeFrom(dating({ "last-modified": sent, date }));
  expect([published?.toISOString(), clock?.toISOString()]).toEqual([
    "2026-11-24T10:00:00.000Z",
    "2026-11-25T11:00:00.000Z",
  ]);
  expect(asked).toEqual(["HEAD 200"]);
});

test.each([404, 405, 403])("manifest time: HEAD is refused with %d, and GET tells", async (status) => {
  const { published, asked } = await timeFrom(dating({ "last-modified": sent }), refuseHead(status));
  expect(published?.toUTCString()).toBe(sent);
  expect(asked).toEqual([`HEAD ${status}`, "GET 200"]);
});

test.each<[string, Record<string, string>]>([
  ["no time", {}],
  ["an empty one", { "last-modified": "" }],
  ["a number", { "last-modified": "1764000000" }],
  ["another form", { "last-modified": "2026-11-24T10:00:00Z" }],
  ["another zone", { "last-modified": "Tue, 24 Nov 2026 10:00:00 +0100" }],
  ["no day of the calendar", { "last-modified": "Tue, 31 Nov 2026 10:00:00 GMT" }],
  ["the beginning of time, which programs send without a time", { "last-modified": "Thu, 01 Jan 1970 00:00:00 GMT" }],
  ["before it", { "last-modified": "Mon, 01 Jan 0001 00:00:00 GMT" }],
  ["two", { "last-modified": `${sent}, Wed, 25 Nov 2026 10:00:00 GMT` }],
  ["the time of another manifest", { "last-modified": sent, "docker-content-digest": digestOf("other") }],
])("manifest time: %s vouches for nothing", async (_what, headers) => {
  expect((await timeFrom(dating(headers))).published).toBeUndefined();
});

test("manifest time: a host that the registry redirects to vouches for nothing", async () => {
  const other = await startServer((_request, response) => response.writeHead(200, { "last-modified": sent }).end());
  const redirecting = altering((request, before) =>
    request.url.pathname.endsWith(digest) && before.status === 200
      ? { ...before, status: 307, headers: { location: `http://${other.host}/x` } }
      : before,
  );
  const { published, clock } = await timeFrom(redirecting);
  expect(other.seen.map(({ method }) => method)).toEqual(["HEAD"]);
  expect([published, clock]).toEqual([undefined, undefined]);
});

test("manifest time: a manifest that is not there is an error", async () => {
  const { host } = await inProcessRegistry();
  const { registry, signal } = registryClient(host);
  await expect(registry.manifestTime(digest, signal)).rejects.toMatchObject({ code: "ARTIFACT_NOT_FOUND" });
});
