/** A referrers API that lists nothing: the registry may not keep referrers, and the fallback tag lists them. */
import { expect, test } from "vitest";
import { digestHex, digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { registryClient } from "../support/registry/client.ts";
import { startServer } from "../support/registry/server.ts";

const subject = digestOf(Buffer.from("subject"));
const referrer = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from("referrer")), size: 8 };

function index(manifests: readonly unknown[]): string {
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
}

/** Lists by the API and by the fallback tag; undefined: the tag is missing. */
async function listed(byApi: readonly unknown[], byTag: readonly unknown[] | undefined) {
  const server = await startServer(({ url }, response) => {
    const isApi = url.includes("/referrers/");
    if (!isApi && byTag === undefined) return response.writeHead(404).end();
    return response.writeHead(200, { "content-type": mediaTypes.ociIndex }).end(index(isApi ? byApi : (byTag ?? [])));
  });
  const { registry, signal } = registryClient(server.host);
  const found = await registry.listReferrers(subject, signal);
  const tags = server.seen.filter(({ url }) => url.endsWith(`sha256-${digestHex(subject)}`));
  return { digests: found.map(({ digest }) => digest), tags: tags.length };
}

test("an API that lists nothing: the fallback tag is asked as well", async () => {
  expect(await listed([], [referrer])).toEqual({ digests: [referrer.digest], tags: 1 });
  expect(await listed([], undefined)).toEqual({ digests: [], tags: 1 });
  expect(await listed([referrer], undefined)).toEqual({ digests: [referrer.digest], tags: 0 });
});
