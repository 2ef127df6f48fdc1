/** JSON that somebody else wrote: manifests, indexes, docker configurations, locks. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { parseDockerConfig, valueFor } from "../../src/config/docker-config.ts";
import { formatLock, parseLock } from "../../src/lockfile/file.ts";
import { isDigest } from "../../src/model/digest.ts";
import { platformsOf } from "../../src/model/index-platforms.ts";
import { blobsOf, mediaTypes, parseManifest } from "../../src/model/manifest.ts";
import { isPlatformString } from "../../src/model/platform.ts";
import { changed, changes, anyDigest as digest, documents } from "../support/hostile-json.ts";
import { holds } from "../support/property.ts";

const descriptor = {
  mediaType: "application/octet-stream",
  digest,
  size: 3,
  annotations: { "org.opencontainers.image.title": "tool" },
};
const manifest = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociManifest,
  config: { ...descriptor, mediaType: "application/vnd.oci.empty.v1+json" },
  layers: [descriptor],
  annotations: { a: "b" },
};
const index = {
  schemaVersion: 2,
  mediaType: mediaTypes.ociIndex,
  manifests: [
    { ...descriptor, mediaType: mediaTypes.ociManifest, platform: { os: "linux", architecture: "amd64" } },
    {
      ...descriptor,
      mediaType: mediaTypes.dockerManifest,
      platform: { os: "darwin", architecture: "arm64", variant: "v8" },
    },
  ],
};

describe("manifests", () => {
  test("an accepted one has digests, sizes and texts where they are used, whatever else is in it", () => {
    const types = fc.constantFrom(
      mediaTypes.ociManifest,
      mediaTypes.ociIndex,
      mediaTypes.dockerManifest,
      "application/json",
      "",
    );
    const inputs = fc.tuple(documents([manifest, index, { ...manifest, mediaType: undefined }]), types);
    holds("manifest", inputs, ([text, mediaType]) => {
      const parsed = parseManifest(Buffer.from(text), mediaType, "origin");
      const descriptors = parsed.kind === "index" ? parsed.manifests : blobsOf(parsed);
      for (const { digest: own, size, annotations, mediaType: type } of descriptors) {
        expect(isDigest(own)).toBe(true);
        expect(Number.isSafeInteger(size) && size >= 0).toBe(true);
        expect(typeof type).toBe("string");
        for (const value of Object.values(annotations)) expect(typeof value).toBe("string");
      }
      if (parsed.kind === "index")
        for (const platform of platformsOf(parsed).keys()) expect(isPlatformString(platform)).toBe(true);
      return true;
    });
  });

  test("any bytes are a manifest or a clear error", () => {
    const bytes = fc.tuple(documents([manifest, index]), fc.nat(2000), fc.integer({ min: 0, max: 255 }), fc.boolean());
    holds("manifest bytes", bytes, ([text, at, byte, isFlipped]) => {
      const raw = Buffer.from(text);
      if (isFlipped && raw.length > 0) raw[at % raw.length] = byte;
      parseManifest(raw, mediaTypes.ociManifest, "origin");
      return true;
    });
  });
});

test("docker configurations: the login of a registry comes from its own key, and errors show nothing of the file", () => {
  const auth = Buffer.from("user:hunter2").toString("base64");
  const key = fc.constantFrom(
    "reg.example",
    "https://reg.example",
    "https://reg.example/v1/",
    "reg.example:443",
    "reg.example.evil",
    "xreg.example",
    "reg.example/team",
    "REG.example",
    "index.docker.io",
  );
  const config = key.map((one) => ({
    auths: { [one]: { auth }, other: { username: "hunter2", password: "hunter2" } },
    credHelpers: { [one]: "h" },
    credsStore: "s",
  }));
  // Cut off now and then: what cannot be read must not be shown either.
  const inputs = fc
    .tuple(config, changes, fc.constantFrom(0, 0, 0, 1))
    .map(([one, edits, cut]) => (JSON.stringify(changed(one, edits)) ?? "").slice(0, cut === 0 ? undefined : -cut));
  const own = /^(?:https?:\/\/)?reg\.example(?:\/(?:v[12]\/?)?)?$/i;
  holds("docker config", inputs, (text) => {
    let parsed: ReturnType<typeof parseDockerConfig>;
    try {
      parsed = parseDockerConfig(text, "config.json");
    } catch (error) {
      expect(String(error)).not.toMatch(/hunter2|dXNlcjpodW50ZXIy/);
      throw error;
    }
    const found = valueFor(parsed.auths, "reg.example");
    const hasOwn = Object.keys(parsed.auths ?? {}).some((name) => own.test(name));
    if (found !== undefined) expect(hasOwn).toBe(true);
    if (valueFor(parsed.credHelpers, "reg.example") !== undefined) {
      expect(Object.keys(parsed.credHelpers ?? {}).some((name) => own.test(name))).toBe(true);
    }
    return true;
  });
});

test("locks: an accepted one is written and read again as the same", () => {
  const layer = { digest, size: 3, mediaType: "x/y", title: "tool", format: "raw", contentDigest: digest };
  const platform = { manifest: digest, repository: "reg.example/t/tool", layers: [layer] };
  const lock = {
    version: 1,
    tools: {
      tool: { reference: "reg.example/t/tool:1", digest, platforms: { "linux-x86_64": platform, any: platform } },
    },
  };
  holds("lock", documents([lock]), (text) => {
    const parsed = parseLock(text, "oras.lock.json");
    expect(parseLock(formatLock(parsed), "again")).toEqual(parsed);
    for (const tool of Object.values(parsed.tools)) {
      for (const { layers, manifest: own } of Object.values(tool.platforms)) {
        expect(isDigest(own)).toBe(true);
        for (const one of layers)
          expect(isDigest(one.digest) && isDigest(one.contentDigest) && one.size >= 0).toBe(true);
      }
    }
    return true;
  });
});
