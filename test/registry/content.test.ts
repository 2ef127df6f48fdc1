import { describe, expect, test } from "vitest";
import { maxManifestBytes, mediaTypes } from "../../src/model/manifest.ts";
import { restOf } from "../../src/model/source.ts";
import { codeOf } from "../support/context.ts";
import { collect, registryClient } from "../support/registry/client.ts";
import { blob, blobText, manifestDigest, manifestText, serveArtifact } from "../support/registry/content.ts";
import { startServer } from "../support/registry/server.ts";

test("a manifest by tag is one GET with every media type, and its hash is its digest", async () => {
  const server = await startServer(serveArtifact);
  const { registry, signal } = registryClient(server.host);
  expect(await registry.fetchManifest("1", signal)).toMatchObject({
    digest: manifestDigest,
    mediaType: mediaTypes.ociManifest,
  });
  expect(server.seen).toHaveLength(1);
  const { accept = "", "accept-encoding": encoding } = server.seen[0]?.headers ?? {};
  for (const type of [mediaTypes.ociIndex, mediaTypes.ociManifest, mediaTypes.dockerIndex, mediaTypes.dockerManifest]) {
    expect(accept).toContain(type);
  }
  expect(encoding).toBe("identity");
  expect(await collect((await registry.openBlob(blob, restOf(blob, 0), signal)).bytes)).toBe(blobText);
});

test("a digest that is answered with another body is refused, whatever the header says", async () => {
  const server = await startServer((_request, response) => {
    response.writeHead(200, { "content-type": mediaTypes.ociManifest, "docker-content-digest": manifestDigest });
    response.end(`${manifestText} `);
  });
  const { registry, signal } = registryClient(server.host);
  expect(await codeOf(registry.fetchManifest(manifestDigest, signal))).toBe("MANIFEST_DIGEST_MISMATCH");
});

test("a web page with status 200 is said to be one, before anything else about it", async () => {
  const server = await startServer((_request, response) => {
    response.writeHead(200, { "content-type": "text/html; charset=utf-8" });
    response.end("<html>please log in</html>");
  });
  const { registry, signal } = registryClient(server.host);
  await expect(registry.fetchManifest(manifestDigest, signal)).rejects.toThrow(/a web page instead of the manifest/);
  expect(await codeOf(registry.listTags(signal))).toBe("RESPONSE_INVALID");
  await expect(registry.openBlob(blob, restOf(blob, 0), signal)).rejects.toMatchObject({
    code: "RESPONSE_INVALID",
    message: `${server.host} answered with a web page instead of the blob ${server.host}/t/tool@${blob.digest}`,
  });
});

test("a blob that is a web page itself is one", async () => {
  const server = await startServer((_request, response) =>
    response.writeHead(200, { "content-type": "text/html", "content-length": blob.size }).end(blobText),
  );
  const { registry, signal } = registryClient(server.host);
  expect(await collect((await registry.openBlob(blob, restOf(blob, 0), signal)).bytes)).toBe(blobText);
});

describe("a manifest over 4 MiB", () => {
  test("with its size stated is not read", async () => {
    let sentBytes = 0;
    const server = await startServer((_request, response) => {
      response.writeHead(200, { "content-type": mediaTypes.ociManifest, "content-length": 1e12 });
      const piece = Buffer.alloc(65_536, " ");
      const write = (): void => {
        while (!response.destroyed && response.write(piece)) sentBytes += piece.length;
        if (!response.destroyed) response.once("drain", write);
      };
      write();
    });
    const { registry, signal } = registryClient(server.host);
    expect(await codeOf(registry.fetchManifest("1", signal))).toBe("MANIFEST_TOO_LARGE");
    expect(sentBytes).toBeLessThan(16 * 1024 * 1024);
  });

  test("without a stated size is cut off", async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(200, { "content-type": mediaTypes.ociManifest });
      response.end(Buffer.alloc(maxManifestBytes + 1, " "));
    });
    const { registry, signal } = registryClient(server.host);
    expect(await codeOf(registry.fetchManifest("1", signal))).toBe("RESPONSE_INVALID");
  });
});

describe("errors", () => {
  test("404 is `not found` with what the registry said, without control characters of its", async () => {
    const server = await startServer((_request, response) => {
      response.writeHead(404);
      response.end(JSON.stringify({ errors: [{ code: "NAME_UNKNOWN", message: "no such\u001b[31m name" }] }));
    });
    const { registry, signal } = registryClient(server.host);
    await expect(registry.fetchManifest("1", signal)).rejects.toMatchObject({
      code: "ARTIFACT_NOT_FOUND",
      exitCode: 66,
      message: `not found: ${server.host}/t/tool:1`,
      cause: { message: expect.stringContaining("NAME_UNKNOWN") },
    });
  });

  test.each([
    [400, "REGISTRY_REFUSED"],
    [403, "REGISTRY_FORBIDDEN"],
    [416, "REGISTRY_REFUSED"],
    [429, "REGISTRY_RATE_LIMITED"],
    [500, "REGISTRY_UNAVAILABLE"],
    [503, "REGISTRY_UNAVAILABLE"],
  ])("%i is %s", async (status, code) => {
    const server = await startServer((_request, response) => response.writeHead(status).end("x".repeat(200_000)));
    const { registry, signal } = registryClient(server.host);
    expect(await codeOf(registry.fetchManifest("1", signal))).toBe(code);
    expect(await codeOf(registry.openBlob(blob, restOf(blob, 0), signal))).toBe(code);
  });
});

test("referrers without end are given up", async () => {
  const manifests = new Array(9000).fill({ mediaType: mediaTypes.ociManifest, digest: manifestDigest, size: 1 });
  const page = JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
  const server = await startServer((_request, response, { seen }) => {
    response.setHeader("content-type", mediaTypes.ociIndex);
    response.setHeader("link", `</v2/t/tool/referrers/x?page=${seen.length}>; rel="next"`);
    response.end(page);
  });
  const { registry, signal } = registryClient(server.host);
  await expect(registry.listReferrers(manifestDigest, signal)).rejects.toMatchObject({
    code: "PAGINATION_REFUSED",
    message: expect.stringContaining("more than 10000"),
  });
  expect(server.seen).toHaveLength(2);
});

describe("referrers of a registry without the API", () => {
  const referrer = { mediaType: mediaTypes.ociManifest, digest: manifestDigest, size: 1 };
  const listed = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests: [referrer] };

  /** Answers the API with a status, and the fallback tag with a document. */
  async function without(status: number, document: object): Promise<string> {
    const server = await startServer((request, response) => {
      if (request.url?.includes("/referrers/")) return response.writeHead(status).end("no");
      return response.setHeader("content-type", mediaTypes.ociIndex).end(JSON.stringify(document));
    });
    return server.host;
  }

  test.each([400, 403, 404, 405, 406, 501])("which answers %i, come from the fallback tag", async (status) => {
    const { registry, signal } = registryClient(await without(status, listed));
    expect(await registry.listReferrers(manifestDigest, signal)).toMatchObject([{ digest: manifestDigest }]);
  });

  test("401 and 500 are errors", async () => {
    for (const [status, code] of [
      [401, "REGISTRY_UNAUTHORIZED"],
      [500, "REGISTRY_UNAVAILABLE"],
    ] as const) {
      const { registry, signal } = registryClient(await without(status, listed));
      expect(await codeOf(registry.listReferrers(manifestDigest, signal))).toBe(code);
    }
  });

  test.each([
    ["an index without entries", { ...listed, manifests: [] }],
    ["`manifests` that is null", { ...listed, manifests: null }],
    ["no `manifests`", { ...listed, manifests: undefined }],
    ["an image", { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: referrer, layers: [] }],
  ])("and whose fallback tag has %s: there are none", async (_what, document) => {
    const { registry, signal } = registryClient(await without(404, document));
    expect(await registry.listReferrers(manifestDigest, signal)).toEqual([]);
  });

  test("an error on a later page is an error, and the first page is not forgotten", async () => {
    for (const [status, code] of [
      [400, "REGISTRY_REFUSED"],
      [403, "REGISTRY_FORBIDDEN"],
      [404, "ARTIFACT_NOT_FOUND"],
    ] as const) {
      const server = await startServer((request, response) => {
        if (request.url?.includes("page=2")) return response.writeHead(status).end();
        response.setHeader("link", '</v2/t/tool/referrers/x?page=2>; rel="next"');
        return response.setHeader("content-type", mediaTypes.ociIndex).end(JSON.stringify(listed));
      });
      const { registry, signal } = registryClient(server.host);
      expect(await codeOf(registry.listReferrers(manifestDigest, signal))).toBe(code);
    }
  });

  test("a denied API is said", async () => {
    const { registry, signal, lines } = registryClient(await without(403, listed));
    await registry.listReferrers(manifestDigest, signal);
    expect(lines).toContainEqual(expect.stringContaining("the referrers API is denied (403)"));
  });

  test.each([
    ["an image", { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: referrer, layers: [] }],
    ["a document of Docker's first schema", { schemaVersion: 1, fsLayers: [] }],
    ["an empty object", {}],
  ])("are not written over %s that has the fallback tag", async (_what, image) => {
    const pushed = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config: referrer, layers: [] };
    const signature = JSON.stringify({ ...pushed, subject: referrer });
    const puts: string[] = [];
    const server = await startServer((request, response) => {
      if (request.method === "PUT") {
        puts.push(request.url ?? "");
        return response.writeHead(201).end();
      }
      return response.setHeader("content-type", mediaTypes.ociManifest).end(JSON.stringify(image));
    });
    const { registry, signal } = registryClient(server.host);
    const bytes = new TextEncoder().encode(signature);
    const pushing = registry.pushManifest(bytes, mediaTypes.ociManifest, undefined, signal);
    await expect(pushing).rejects.toMatchObject({
      code: "REGISTRY_REFUSED",
      message: expect.stringContaining("sha256-"),
    });
    expect(puts.filter((url) => url.includes("sha256-"))).toEqual([]);
  });
});

test.each(["application/json", "application/octet-stream", "text/plain; charset=utf-8", ""])(
  "a manifest that is sent as %j and does not name its type is read for what it is",
  async (type) => {
    const document = { schemaVersion: 2, config: { mediaType: "a/b", digest: manifestDigest, size: 1 }, layers: [] };
    const server = await startServer((_request, response) => {
      if (type !== "") response.setHeader("content-type", type);
      response.end(JSON.stringify(document));
    });
    const { registry, signal } = registryClient(server.host);
    expect((await registry.fetchManifest("1", signal)).mediaType).toBe(mediaTypes.ociManifest);
  },
);

describe("tags", () => {
  test("all pages are read, in order; a repository without tags has none", async () => {
    const server = await startServer(({ url }, response) => {
      const last = new URL(url, "http://x").searchParams.get("last");
      if (last === null) response.setHeader("link", '</v2/t/tool/tags/list?last=b&n=2>; rel="next"');
      response.end(JSON.stringify({ name: "t/tool", tags: last === null ? ["a", "b"] : null }));
    });
    const { registry, signal } = registryClient(server.host);
    expect(await registry.listTags(signal)).toEqual(["a", "b"]);
    expect(server.seen).toHaveLength(2);
  });

  test.each(["http://127.0.0.1:1/v2/t/tool/tags/list", "https://HOST/v2/t/tool/tags/list", "//evil.example/tags"])(
    "a next page at %s is refused and not asked for",
    async (target) => {
      const server = await startServer((_request, response, { host }) => {
        response.setHeader("link", `<${target.replace("HOST", host)}>; rel="next"`);
        response.end('{"tags": ["a"]}');
      });
      const { registry, signal } = registryClient(server.host);
      expect(await codeOf(registry.listTags(signal))).toBe("PAGINATION_REFUSED");
      expect(server.seen).toHaveLength(1);
    },
  );

  test("names that no tag can have are left out, and that is said", async () => {
    const hostile = ["\u001b[31mred\u0007", "ok\nfake", "", "-x", "a".repeat(129), "a/b"];
    const server = await startServer((_request, response) =>
      response.end(JSON.stringify({ tags: ["1.0", ...hostile, "latest"] })),
    );
    const { registry, signal, lines } = registryClient(server.host);
    expect(await registry.listTags(signal)).toEqual(["1.0", "latest"]);
    expect(lines).toContain(`${server.host}/t/tool lists 6 names that are not valid tags; these names are omitted`);
  });

  test("a page with very many is read, and a list of more than a million is given up", async () => {
    const page = JSON.stringify({ tags: new Array(600_000).fill("a") });
    const server = await startServer(({ url }, response) => {
      if (!url.includes("page=2")) response.setHeader("link", '</v2/t/tool/tags/list?page=2>; rel="next"');
      response.end(page);
    });
    const { registry, signal } = registryClient(server.host);
    await expect(registry.listTags(signal)).rejects.toMatchObject({
      code: "PAGINATION_REFUSED",
      cause: { message: expect.stringContaining("more than 1000000 tags") },
    });
    expect(server.seen).toHaveLength(2);
  });

  test("a page that names itself, and a list that never ends, are given up and said so", async () => {
    const itself = await startServer(({ url }, response) => {
      response.setHeader("link", `<${url}>; rel=next`);
      response.end('{"tags": ["a"]}');
    });
    const first = registryClient(itself.host);
    expect(await codeOf(first.registry.listTags(first.signal))).toBe("PAGINATION_REFUSED");
    const endless = await startServer((_request, response, { seen }) => {
      response.setHeader("link", `</v2/t/tool/tags/list?page=${seen.length}>; rel="next"`);
      response.end('{"tags": ["a"]}');
    });
    const second = registryClient(endless.host);
    expect(await codeOf(second.registry.listTags(second.signal))).toBe("PAGINATION_REFUSED");
    expect(endless.seen).toHaveLength(1000);
  });
});
