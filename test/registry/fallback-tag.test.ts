/** The fallback tag, as a list of referrers that we write: nothing else that it names may be lost. */
import { describe, expect, test } from "vitest";
import { digestHex, digestOf } from "../../src/model/digest.ts";
import { mediaTypes } from "../../src/model/manifest.ts";
import { registryClient } from "../support/registry/client.ts";
import { startServer } from "../support/registry/server.ts";

const subject = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[]}`);
const subjectDigest = digestOf(subject);
const tag = `sha256-${digestHex(subjectDigest)}`;
const empty = { mediaType: mediaTypes.empty, digest: digestOf(Buffer.from("{}")), size: 2 };
const referrer = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: empty,
    layers: [empty],
    subject: { mediaType: mediaTypes.ociIndex, digest: subjectDigest, size: subject.byteLength },
  }),
);

interface Push {
  readonly isKept?: boolean;
  readonly bytes?: Buffer;
  /** What another writer has put into the fallback tag when the first wait ends. */
  readonly meanwhile?: Buffer;
  /** The answer of the referrers API of a registry that says to list the referrer itself. */
  readonly api?: [status: number, headers?: Record<string, string>];
}

/** @param tagged What the fallback tag names at first; a PUT replaces it unless `isKept`. */
async function push(tagged: Buffer | undefined, { isKept = false, bytes = referrer, meanwhile, api }: Push = {}) {
  let now = tagged;
  const server = await startServer(({ method, url, body }, response) => {
    if (method === "PUT" && url.endsWith(tag) && !isKept) now = Buffer.from(body);
    if (method === "PUT") response.writeHead(201, api === undefined ? {} : { "oci-subject": subjectDigest }).end();
    else if (api !== undefined && url.includes("/referrers/")) response.writeHead(...api).end();
    else if (url.endsWith(tag) && now !== undefined) response.end(now);
    else response.writeHead(404).end();
  });
  let other = meanwhile;
  const whileWaiting = (): void => {
    now = other ?? now;
    other = undefined;
  };
  const { registry, signal } = registryClient(server.host, { whileWaiting });
  const pushed = registry.pushManifest(
    bytes,
    JSON.parse(String(bytes)).mediaType ?? mediaTypes.ociManifest,
    undefined,
    signal,
  );
  const asked = () => server.seen.filter(({ url }) => url.includes("/referrers/")).length;
  const puts = () => server.seen.filter(({ method, url }) => method === "PUT" && url.endsWith(tag));
  return {
    pushed,
    puts,
    asked,
    again: () => registry.pushManifest(bytes, mediaTypes.ociManifest, "x", signal),
    now: () => String(now),
  };
}

describe("a referrer that is pushed", () => {
  test("is listed in a fallback tag that did not exist", async () => {
    const { pushed, puts, now } = await push(undefined);
    await pushed;
    expect(puts()).toHaveLength(1);
    expect(now()).toContain(digestOf(referrer));
  });

  // ECR sent `OCI-Subject` before it had the API (sigstore-js#1183).
  test.each<[string, NonNullable<Push["api"]>]>([
    ["does not know", [404]],
    ["does not allow", [405]],
    ["has no code for", [501]],
    ["does not let through", [403]],
    ["answers with a page of its own for", [200, { "content-type": "text/html" }]],
  ])("is listed in the fallback tag of a registry that says to list it and %s the referrers API", async (_, api) => {
    const { pushed, puts, now } = await push(undefined, { api });
    await pushed;
    expect(puts()).toHaveLength(1);
    expect(now()).toContain(digestOf(referrer));
  });

  test.each<[string, NonNullable<Push["api"]>]>([
    ["the API lists referrers", [200, { "content-type": mediaTypes.ociIndex }]],
    ["the API's answer does not tell", [416]],
  ])("is in no fallback tag where the registry says to list it and %s; the API is asked once", async (_, api) => {
    const { pushed, again, asked, puts } = await push(undefined, { api });
    await pushed;
    await again();
    expect([puts(), asked()]).toEqual([[], 1]);
  });

  test.each([
    ["an index, with its type", { artifactType: "x/all", manifests: [] }, "x/all"],
    ["an index without a type, without one", { manifests: [] }, undefined],
    ["a manifest without a type, with its config's", { config: empty, layers: [] }, mediaTypes.empty],
  ])("is listed for %s", async (_, fields, artifactType) => {
    const mediaType = "manifests" in fields ? mediaTypes.ociIndex : mediaTypes.ociManifest;
    const descriptor = { mediaType: mediaTypes.ociIndex, digest: subjectDigest, size: subject.byteLength };
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, ...fields, subject: descriptor }));
    const { pushed, now } = await push(undefined, { bytes });
    await pushed;
    const [listed] = JSON.parse(now()).manifests;
    expect([listed.mediaType, listed.digest, listed.artifactType]).toEqual([mediaType, digestOf(bytes), artifactType]);
  });

  test.each([
    ["the subject itself, as GitLab reads the tag", subject, /the tag sha256-\S+ is the artifact itself/],
    ["another artifact", Buffer.from(`{"schemaVersion":2,"config":{},"layers":[]}`), /is an artifact's/],
  ])("is refused where the tag names %s, and the tag stays", async (_, tagged, message) => {
    const { pushed, puts } = await push(tagged);
    await expect(pushed).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringMatching(message),
      hint: expect.stringMatching(/--no-referrers/),
    });
    expect(puts()).toEqual([]);
  });

  // Two jobs that sign at once: each reads the list before the other writes it (go-containerregistry#2205).
  test("is listed again, beside the other, after a writer that had read the list before", async () => {
    const another = { mediaType: mediaTypes.ociManifest, digest: digestOf(Buffer.from("another")), size: 7 };
    const meanwhile = Buffer.from(
      JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [another] }),
    );
    const { pushed, puts, now } = await push(undefined, { meanwhile });
    await pushed;
    expect(puts()).toHaveLength(2);
    const listed = JSON.parse(now()).manifests.map(({ digest }: { digest: string }) => digest);
    expect(listed).toEqual([another.digest, digestOf(referrer)]);
  });

  test("is tried ten times where somebody else's list always wins", async () => {
    const others = Buffer.from(`{"schemaVersion":2,"mediaType":"${mediaTypes.ociIndex}","manifests":[ ]}`);
    const { pushed, puts } = await push(others, { isKept: true });
    await expect(pushed).rejects.toMatchObject({ code: "REGISTRY_UNAVAILABLE" });
    expect(puts()).toHaveLength(10);
  });
});
