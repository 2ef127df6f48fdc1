/** A registry with one tool. */
import { mediaTypes } from "../../../src/model/manifest.ts";
import { sha256 } from "../layout-project.ts";
import type { Handler } from "./server.ts";

/** The manifest of one file. */
export function toolManifest(content: string | Buffer): string {
  const layer = { mediaType: "application/octet-stream", digest: sha256(content), size: Buffer.byteLength(content) };
  const annotations = { "org.opencontainers.image.title": "tool" };
  return JSON.stringify({
    schemaVersion: 2,
    mediaType: mediaTypes.ociManifest,
    config: layer,
    layers: [{ ...layer, annotations }],
  });
}

/** Serves one file as `t/tool:1`, the blob by `sendBlob` if it is given. */
export function serveTool(content: string | Buffer, sendBlob?: Handler): Handler {
  const manifest = toolManifest(content);
  return (request, response, server) => {
    if (request.url.includes("/manifests/")) {
      response.setHeader("content-type", mediaTypes.ociManifest);
      response.end(manifest);
    } else if (sendBlob === undefined) {
      response.end(content);
    } else {
      sendBlob(request, response, server);
    }
  };
}

/** Serves several files, a layer each, under any name. @param files By name. */
export function serveFolder(files: Readonly<Record<string, string>>): Handler {
  const layers = Object.entries(files).map(([title, content]) => ({
    mediaType: "application/octet-stream",
    digest: sha256(content),
    size: Buffer.byteLength(content),
    annotations: { "org.opencontainers.image.title": title },
  }));
  const mediaType = mediaTypes.ociManifest;
  const manifest = JSON.stringify({ schemaVersion: 2, mediaType, config: layers[0], layers });
  return ({ url }, response) => {
    const content = Object.values(files).find((one) => url.endsWith(sha256(one)));
    if (url.includes("/manifests/")) response.setHeader("content-type", mediaType).end(manifest);
    else if (content === undefined) response.writeHead(404).end();
    else response.end(content);
  };
}
