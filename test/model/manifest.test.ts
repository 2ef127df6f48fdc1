import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { OrasClientError } from "../../src/errors.ts";
import { platformsOf } from "../../src/model/index-platforms.ts";
import { maxManifestBytes, mediaTypes, parseManifest } from "../../src/model/manifest.ts";
import { cpuTimer } from "../support/cpu-timer.ts";
import { seed } from "../support/property.ts";

const digest = `sha256:${"0".repeat(64)}`;
const descriptor = { mediaType: "application/octet-stream", digest, size: 3 };
const manifest = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: descriptor, layers: [descriptor] };
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [{ ...descriptor, platform: { os: "linux", architecture: "amd64" } }],
};

function parse(document: unknown, type: string = mediaTypes.ociManifest) {
  const text = typeof document === "string" ? document : JSON.stringify(document);
  return parseManifest(new TextEncoder().encode(text), type, "h.io/t:1");
}

function codeOf(document: unknown, type?: string): string {
  try {
    parse(document, type);
  } catch (error) {
    if (error instanceof OrasClientError) return error.code;
    throw error;
  }
  return "accepted";
}

describe("parseManifest", () => {
  test("reads OCI and Docker manifests and indexes", () => {
    expect(parse(manifest)).toMatchObject({ kind: "manifest", layers: [{ digest, size: 3, annotations: {} }] });
    expect(parse({ ...manifest, mediaType: mediaTypes.dockerManifest }, mediaTypes.dockerManifest).kind).toBe(
      "manifest",
    );
    expect(parse({ ...index, mediaType: mediaTypes.dockerIndex }, mediaTypes.dockerIndex).kind).toBe("index");
  });

  test("the body's own type counts where the header says nothing useful", () => {
    expect(parse(manifest, "application/json").kind).toBe("manifest");
    const { mediaType: _, ...untyped } = manifest;
    expect(parse(untyped).kind).toBe("manifest");
  });

  test("null in an optional field is as if the field were not there", () => {
    const nothing = { artifactType: null, annotations: null, subject: null };
    const bare = { ...descriptor, annotations: null, artifactType: null, platform: null };
    expect(parse({ ...manifest, ...nothing, config: bare, layers: [bare] })).toEqual(parse(manifest));
    expect(parse({ ...index, ...nothing, layers: null, config: null }, mediaTypes.ociIndex)).toEqual(
      parse(index, mediaTypes.ociIndex),
    );
    expect(parse({ ...manifest, mediaType: null, manifests: null })).toEqual(parse(manifest));
    expect(parse({ ...manifest, annotations: { a: null, b: "x" } })).toMatchObject({ annotations: { b: "x" } });
    for (const layers of [null, undefined]) expect(parse({ ...manifest, layers })).toMatchObject({ layers: [] });
    for (const manifests of [null, undefined]) {
      expect(parse({ ...index, manifests }, mediaTypes.ociIndex)).toMatchObject({ manifests: [] });
    }
  });

  test("a layer's `urls` are ignored", () => {
    const parsed = parse({ ...manifest, layers: [{ ...descriptor, urls: ["http://169.254.169.254/"] }] });
    expect(JSON.stringify(parsed)).not.toContain("169.254");
  });

  test.each([
    ["text", "hello"],
    ["HTML", "<html></html>"],
    ["null", "null"],
    ["an array", "[]"],
    ["a string", '"x"'],
    ["no config", { ...manifest, config: undefined }],
    ["layers of another type", { ...manifest, layers: {} }],
    ["a layer that is a string", { ...manifest, layers: ["x"] }],
    ["a negative size", { ...manifest, layers: [{ ...descriptor, size: -1 }] }],
    ["a fractional size", { ...manifest, layers: [{ ...descriptor, size: 1.5 }] }],
    ["a size that is text", { ...manifest, layers: [{ ...descriptor, size: "3" }] }],
    ["a size past 2^53", { ...manifest, layers: [{ ...descriptor, size: 2 ** 60 }] }],
    ["an upper-case digest", { ...manifest, layers: [{ ...descriptor, digest: `sha256:${"A".repeat(64)}` }] }],
    ["a digest with a path", { ...manifest, layers: [{ ...descriptor, digest: "sha256:../../etc/passwd" }] }],
    ["annotations of another type", { ...manifest, annotations: { a: 1 } }],
    ["another type than it was sent as", { ...manifest, mediaType: mediaTypes.dockerManifest }],
    ["a media type that is a number", { ...manifest, mediaType: 5 }],
    ["a media type that is a list", { ...manifest, mediaType: ["x"] }],
    ["both layers and manifests", { ...manifest, manifests: [] }],
    ["an index with layers", { ...index, layers: [] }],
  ])("%s is refused as MANIFEST_INVALID", (_, document) => {
    const type =
      typeof document === "object" && "mediaType" in document && document.mediaType === mediaTypes.ociIndex
        ? mediaTypes.ociIndex
        : undefined;
    expect(codeOf(document, type)).toBe("MANIFEST_INVALID");
  });

  test("an unknown type is named", () => {
    expect(codeOf({ schemaVersion: 1 }, "application/vnd.docker.distribution.manifest.v1+json")).toBe(
      "MEDIA_TYPE_UNSUPPORTED",
    );
  });

  test("100,000 layers are refused in bounded time", () => {
    const spent = cpuTimer();
    // Bare layers: with full descriptors the document would be over the size cap.
    expect(codeOf({ ...manifest, layers: new Array(100_000).fill({}) })).toBe("MANIFEST_INVALID");
    expect(spent()).toBeLessThan(2_000);
  });

  test("more than 4 MiB are refused unread", () => {
    expect(codeOf(" ".repeat(maxManifestBytes + 1))).toBe("MANIFEST_TOO_LARGE");
  });

  test("any JSON is a manifest or a clear error", () => {
    const json = fc.oneof(
      fc.jsonValue(),
      fc.record(
        {
          config: fc.jsonValue(),
          layers: fc.jsonValue(),
          manifests: fc.jsonValue(),
          mediaType: fc.constantFrom(...Object.values(mediaTypes)),
        },
        { requiredKeys: [] },
      ),
    );
    fc.assert(
      fc.property(json, fc.constantFrom(...Object.values(mediaTypes)), (document, type) => {
        expect(["accepted", "MANIFEST_INVALID", "MEDIA_TYPE_UNSUPPORTED"]).toContain(codeOf(document, type));
      }),
      { numRuns: 5_000, seed },
    );
  });
});

test("platformsOf: unknown and attestation platforms are left out, the first of two wins", () => {
  const other = `sha256:${"1".repeat(64)}`;
  const parsed = parse(
    {
      ...index,
      manifests: [
        ...index.manifests,
        { ...descriptor, digest: other, platform: { os: "linux", architecture: "amd64" } },
        { ...descriptor, platform: { os: "unknown", architecture: "unknown" } },
        { ...descriptor, platform: { os: "linux", architecture: "s390x" } },
        { ...descriptor },
        { ...descriptor, digest: other, platform: { os: "darwin", architecture: "arm64", variant: "v8" } },
      ],
    },
    mediaTypes.ociIndex,
  );
  if (parsed.kind !== "index") throw new Error("an index was expected");
  expect([...platformsOf(parsed)].map(([name, found]) => [name, found.digest])).toEqual([
    ["linux-x86_64", digest],
    ["darwin-arm64", other],
  ]);
});
